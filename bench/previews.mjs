/** How long a preview takes in a browser, and how much it reads:
 * `node bench/previews.mjs LINK DATASET FOLDER [TIMES [folder|server]]`, on a server that has the files of a folder as a dataset (`bench/previews.py` makes them).
 * LINK is one of `rigi status --link`, which serves once. Each file is measured as the server answers, and with its parts answered from the
 * folder at once, which is what the browser takes. */
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const { chromium } = createRequire(new URL("../tests/package.json", import.meta.url))("@playwright/test");
const [link, dataset, folder, times = "20", only] = process.argv.slice(2);
const at = new URL(link).origin;

/** From the worker's beginning to what it found in the page. */
function watch() {
  const Plain = Worker;
  window.began = 0;
  window.ended = 0;
  window.Worker = class extends Plain {
    constructor(...given) {
      window.began ||= performance.now();
      super(...given);
    }
  };
  const look = () => {
    const found = document.querySelector("[data-read]");
    if (found && !window.ended) Object.assign(window, { ended: performance.now(), read: Number(found.dataset.read), told: found.textContent.length });
    if (!window.ended) requestAnimationFrame(look);
  };
  addEventListener("DOMContentLoaded", look);
}

/** A part of a file, as a server answers that looks nowhere else. */
async function fromFolder(route) {
  const [, from, to] = /bytes=(\d+)-(\d+)/.exec(route.request().headers().range);
  const path = join(folder, new URL(route.request().url()).searchParams.get("path"));
  const { size } = statSync(path);
  const body = Buffer.alloc(Math.min(Number(to) + 1, size) - Number(from));
  const file = openSync(path, "r");
  readSync(file, body, 0, body.length, Number(from));
  closeSync(file);
  await route.fulfill({ status: 206, headers: { "content-range": `bytes ${from}-${Number(from) + body.length - 1}/${size}` }, body });
}

/** The most memory that a renderer had, in MiB. */
function memory() {
  const most = readdirSync("/proc").map((pid) => {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("--type=renderer")) return 0;
      return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
    } catch {
      return 0;
    }
  });
  return Math.round(Math.max(...most));
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const first = await browser.newContext();
await (await first.newPage()).goto(link);
const storageState = await first.storageState();
await first.close();

async function measure(path, way) {
  const context = await browser.newContext({ storageState });
  const page = await context.newPage();
  await page.addInitScript(watch);
  if (way === "folder") await page.route(/\/file\?path=/, fromFolder);
  await page.goto(`${at}/data/${dataset}?path=${encodeURIComponent(path)}`);
  await page.waitForFunction(() => window.ended > 0 || document.querySelector("p[role=status] a[download]"), undefined, { timeout: 300_000 });
  const { ms, read } = await page.evaluate(() => ({ ms: window.ended - window.began, read: window.read }));
  const most = memory();
  await context.close();
  return { ms, read, most };
}

for (const path of readdirSync(folder).sort()) {
  for (const way of only ? [only] : ["folder", "server"]) {
    const taken = [];
    for (let n = 0; n < Number(times); n++) taken.push(await measure(path, way));
    const ms = taken.map((one) => one.ms).sort((a, b) => a - b);
    const of = (part) => Math.round(ms[Math.min(ms.length - 1, Math.floor(part * ms.length))]);
    const [{ read }] = taken;
    if (read === undefined) {
      console.log(`${path}, parts from the ${way}: given up, as the page says`);
      continue;
    }
    const size = (statSync(join(folder, path)).size / 2 ** 30).toFixed(2);
    console.log(`${path} (${size} GiB), parts from the ${way}: p50 ${of(0.5)} ms, p99 ${of(0.99)} ms, ${(read / 2 ** 20).toFixed(2)} MiB read, renderer ${Math.max(...taken.map((one) => one.most))} MiB at most`);
  }
}
await browser.close();
