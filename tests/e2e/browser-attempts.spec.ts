/** An open page follows a run over its attempts. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { complaints, logLines, signIn } from "../support/page";
import { type Bed, expect, test } from "../support/test";

/** Attempts that say so many lines, and then end when they may: the third well. */
function attempts(bed: Bed, lines: number): (attempt: number) => void {
  const gate = bed.folder("gate");
  const script = [
    'echo "attempt $RIGI_ATTEMPT"; echo "$RIGI_ATTEMPT" > "$RIGI_OUTPUTS/which.txt"; i=0',
    `while [ $i -lt ${lines} ]; do echo "a$RIGI_ATTEMPT line $i"; i=$((i+1)); sleep 0.2; done`,
    'while [ ! -e "$GATE/$RIGI_ATTEMPT" ]; do sleep 0.1; done; [ "$RIGI_ATTEMPT" = 3 ]',
  ];
  bed.shell("retries", script.join("; "), { retries: { attempts: 3, delay: "1s" }, env: { GATE: gate } });
  return (attempt) => writeFileSync(join(gate, String(attempt)), "");
}

test("the log is that of the newest attempt, the title counts them all, a wait is no queue", async ({ bed, page }) => {
  const mayEnd = attempts(bed, 16);
  const server = await bed.up();
  const said = complaints(page);
  await signIn(page, server);
  const run = await server.api.submit("retries");
  await page.goto(`${server.api.url}/runs/${run.id}`);
  for (const attempt of [1, 2, 3]) {
    await expect(logLines(page).filter({ hasText: `a${attempt} line 15` })).toBeVisible();
    mayEnd(attempt);
  }
  const status = page.getByRole("status").filter({ hasText: /Succeeded/ });
  await expect(status).toBeVisible();
  // Three attempts of 3.2 s at least, two waits of 1 s.
  expect(Number(/Succeeded in ([\d.]+) s/.exec((await status.textContent()) ?? "")?.[1])).toBeGreaterThan(10);
  await expect(page.getByRole("button", { name: "attempt 3 of 3" })).toBeVisible();
  await expect(page.getByRole("img", { name: /queued .*ran .* in 3 attempts.*between attempts/ })).toBeVisible();
  await expect(logLines(page).filter({ hasText: "a1 line" })).toHaveCount(0);
  expect(said).toEqual([]);
});

test("a chosen attempt stays chosen; without one, a page that was cut off comes back to the newest", async ({ bed, page, context }) => {
  const mayEnd = attempts(bed, 8);
  const server = await bed.up();
  await signIn(page, server);
  const run = await server.api.submit("retries");
  const chosen = await context.newPage();
  await chosen.goto(`${server.api.url}/runs/${run.id}?attempt=1`);
  await page.goto(`${server.api.url}/runs/${run.id}`);
  for (const open of [page, chosen]) await expect(logLines(open).filter({ hasText: /a1 line 7$/ })).toBeVisible();
  await context.setOffline(true);
  await expect(page.getByText(/Offline, showing what was/)).toBeVisible();
  // Its clock stands while nothing is heard.
  const heading = page.getByRole("status").filter({ hasText: /Running|Starting|Retrying/ });
  const before = await heading.textContent();
  for (const attempt of [1, 2]) mayEnd(attempt);
  await server.api.until(run.id, (view) => view.attempt === 3 && view.state === "running");
  expect(await heading.textContent()).toBe(before);
  await context.setOffline(false);
  await expect(logLines(page).filter({ hasText: /a3 line 7$/ })).toBeVisible();
  mayEnd(3);
  await expect(page.getByRole("status").filter({ hasText: /Succeeded/ })).toBeVisible();
  await expect(chosen.getByRole("button", { name: "attempt 1 of 3" })).toBeVisible();
  await expect(logLines(chosen).filter({ hasText: /a1 line 7$/ })).toBeVisible();
});

test("a browser keeps files for good only once no attempt can replace them", async ({ bed }) => {
  bed.shell("holds", 'echo "$RIGI_ATTEMPT" > "$RIGI_OUTPUTS/which.txt"; exit 1', { retries: { attempts: 2, delay: "600s" } });
  const server = await bed.up();
  const run = await server.api.submit("holds");
  await server.api.until(run.id, (view) => view.state === "retrying");
  const kept = async (): Promise<string | null> => (await server.api.fetch("GET", `/api/v1/runs/${run.id}/artifacts/which.txt`)).headers.get("cache-control");
  expect(await kept()).toBe("private, no-cache");
  await server.api.post(`/runs/${run.id}/cancel`);
  await server.api.ended(run.id);
  expect(await kept()).toContain("immutable");
});
