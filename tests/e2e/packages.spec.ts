/** Packages of environments, and what is publicly known against them: after a build, in a terminal, on the page, by pip-audit. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { advisory, Osv, pipAudit } from "../support/osv";
import { picture, signIn } from "../support/page";
import { expect, test } from "../support/test";

interface Audit {
  outcome: string;
  cause: string;
  source: string;
  message?: string;
  findings: { package: string; version: string; id: string; severity?: string; fixed_in?: string[]; ignored?: string }[];
}

const SHOW = 'import tabulate\nprint("tabulate", tabulate.__version__)\n';
/** One that no test has built before. */
const pinned = (version: string): string => `# ${process.pid} ${Date.now()}\ntabulate==${version}\n`;

test.setTimeout(240_000);

test("an environment is audited once it is built; a terminal and the page show what is known, and that it is over", async ({ bed, page }) => {
  const osv = await Osv.listen();
  osv.knows("tabulate", "0.8.9", "PYSEC-2026-1", advisory("PYSEC-2026-1", "tabulate", "0.8.10"));
  bed.pipeline("tables", { "main.py": SHOW, "requirements.txt": pinned("0.8.9") });
  bed.shell("plain", "true");
  const server = await bed.up({ env: { RIGI_AUDIT__SOURCE: osv.url } });
  const { api } = server;
  const run = await api.ended((await api.submit("tables")).id, 200_000);
  expect(run.state, JSON.stringify(await api.lines(run.id))).toBe("succeeded");

  const audits = async (): Promise<Audit[]> => (await api.get<{ items: Audit[] }>("/pipelines/tables/audits")).items;
  await expect.poll(async () => (await audits())[0]?.cause, { timeout: 30_000 }).toBe("build");
  expect((await audits())[0]).toMatchObject({
    outcome: "vulnerable",
    source: osv.url,
    findings: [{ package: "tabulate", version: "0.8.9", id: "PYSEC-2026-1", severity: "high", fixed_in: ["0.8.10"] }],
  });

  const told = await bed.rigi(["packages", "audit", "tables"]);
  expect(told.code).toBe(1);
  expect(told.out).toContain("PYSEC-2026-1");
  expect(told.out).toContain("tables: 1 package, 1 finding");
  const listed = await bed.rigi(["packages", "list", "tables", "-o", "json"]);
  expect(listed.code).toBe(0);
  expect(JSON.parse(listed.out)).toMatchObject({ origin: "environment", packages: [{ name: "tabulate", version: "0.8.9" }] });
  // A command has no environment: of all, it is left out; alone, it is told.
  expect((await bed.rigi(["packages", "audit", "-q"])).out.trim()).toBe("tables");
  expect((await bed.rigi(["packages", "audit", "plain"])).err).toContain("no environment that Rigi makes");
  osv.broken = true;
  const unknown = await bed.rigi(["packages", "audit", "tables"]);
  expect([unknown.code, unknown.out]).toEqual([69, expect.stringContaining("unknown: could not be checked")]);
  osv.broken = false;

  await signIn(page, server);
  await page.goto(`${api.url}/pipelines/tables?tab=packages`);
  const region = page.getByRole("region", { name: "Packages" });
  await expect(region).toContainText("not all could be checked");
  await region.getByRole("button", { name: "Audit now" }).click();
  await expect(region.getByRole("table", { name: "Findings" })).toContainText("PYSEC-2026-1");
  await expect(region.getByRole("table", { name: "Findings" })).toContainText("0.8.10");
  await expect(region).toContainText("1 finding");
  await picture(page, "packages");
  await page.goto(api.url);
  await page.locator('a[href*="tab=packages"]').click();
  await expect(page).toHaveURL(/tab=packages/);

  writeFileSync(join(bed.pipelines, "tables/requirements.txt"), pinned("0.8.10"));
  const mended = await api.ended((await api.submit("tables")).id, 200_000);
  expect(mended.state).toBe("succeeded");
  await expect.poll(async () => (await audits())[0]?.outcome, { timeout: 30_000 }).toBe("clean");
  // The page hears of it.
  await expect(region).toContainText("nothing is known against 1 package");
  expect((await bed.rigi(["packages", "audit"])).code).toBe(0);
  osv.close();
});

test("pip-audit itself is asked, and a copy of the records; what is ignored has a reason and a last day", async ({ bed }) => {
  const osv = await Osv.listen();
  const record = advisory("PYSEC-2026-1", "tabulate", "0.8.10");
  osv.knows("tabulate", "0.8.9", "PYSEC-2026-1", record);
  bed.pipeline("tables", { "main.py": SHOW, "requirements.txt.lock": "tabulate==0.8.9\n" });
  bed.pipeline("loose", { "main.py": SHOW, "requirements.txt": "tabulate\n" });
  const audit = async (name: string): Promise<Audit> => JSON.parse((await bed.rigi(["packages", "audit", name, "-o", "json"])).out) as Audit;

  const env = { PIP_AUDIT_VULNERABILITY_SERVICE: "osv", PIP_AUDIT_OSV_URL: `${osv.url}/v1/query` };
  const first = await bed.up({ env: { ...env, RIGI_AUDIT__SOURCE: pipAudit(), RIGI_AUDIT__SCHEDULE: "none" } });
  const found = await audit("tables");
  expect(found, JSON.stringify(found)).toMatchObject({
    outcome: "vulnerable",
    findings: [{ package: "tabulate", version: "0.8.9", id: "PYSEC-2026-1", fixed_in: ["0.8.10"] }],
  });
  expect(osv.asked).toContain("tabulate");
  // What has no exact version was not checked.
  expect(await audit("loose")).toMatchObject({ outcome: "unknown", message: expect.stringContaining("no exact version") as unknown });
  osv.broken = true;
  expect((await audit("tables")).outcome).toBe("unknown");
  await first.stop();
  osv.close();

  const records = join(bed.root, "osv/PyPI");
  mkdirSync(records, { recursive: true });
  writeFileSync(join(records, "PYSEC-2026-1.json"), JSON.stringify(record));
  const ignore = (until: string): string => `CVE-2026-1234 until ${until}: our tables are public`;
  const set = { RIGI_AUDIT__SOURCE: join(bed.root, "osv"), RIGI_AUDIT__SCHEDULE: "none" };
  const second = await bed.up({ env: { ...set, RIGI_AUDIT__IGNORE: ignore("2999-12-31") } });
  const ignored = await audit("tables");
  expect(ignored).toMatchObject({ outcome: "clean", findings: [{ id: "PYSEC-2026-1", ignored: "our tables are public" }] });
  expect(ignored.source).toContain("newest record of 2026-01-02");
  await second.stop();
  await bed.up({ env: { ...set, RIGI_AUDIT__IGNORE: ignore("2026-01-01") } });
  expect((await audit("tables")).outcome).toBe("vulnerable");
});
