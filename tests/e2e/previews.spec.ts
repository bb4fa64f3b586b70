/** Previews: files of datasets and of runs are shown as what they are, by a worker that reads parts of them; what is damaged is told, and nothing in them acts. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { isOpen } from "../support/access";
import { complaints, signIn } from "../support/page";
import { repository } from "../support/places";
import { expect, test, type Bed } from "../support/test";

const fixtures = join(repository, "ui/src/lib/preview/fixtures");
const shown = (page: Page, path: string) => page.getByRole("region", { name: `Preview of ${path}` });

/** Sound of a tenth of a second. */
function tone(): Buffer {
  const header = Buffer.from("524946460000000057415645666d74201000000001000100401f0000803e0000020010006461746140060000", "hex");
  return Buffer.concat([header, Buffer.from(Int16Array.from({ length: 800 }, (_, i) => 8000 * Math.sin(i / 4)).buffer)]);
}

const BOOK = {
  nbformat: 4,
  metadata: { language_info: { name: "python" } },
  cells: [
    { cell_type: "markdown", source: ["# Levels\n", "as <script>document.title='taken'</script> measured"] },
    {
      cell_type: "code",
      execution_count: 3,
      source: "print(1)\n1 + 1",
      outputs: [
        { output_type: "stream", text: ["1\n"] },
        { output_type: "execute_result", data: { "text/html": "<img src=x onerror=\"document.title='taken'\">", "text/plain": "2" } },
        { output_type: "display_data", data: { "image/svg+xml": '<svg xmlns="http://www.w3.org/2000/svg" width="80" height="20"><script>document.title="taken"</script><rect width="80" height="20"/></svg>' } },
        { output_type: "error", ename: "E", evalue: "no", traceback: ["\u001b[31mE\u001b[0m: no"] },
      ],
    },
  ],
};

function folder(bed: Bed): string {
  const folder = join(bed.root, "files");
  mkdirSync(folder);
  const write = (name: string, content: string | Uint8Array) => writeFileSync(join(folder, name), content);
  for (const name of ["zstd.parquet", "lz4.feather"]) copyFileSync(join(fixtures, name), join(folder, name));
  write("cut.parquet", Buffer.from("PAR1 and no more of it"));
  write("level.tsv", `day\tlevel\n${Array.from({ length: 300 }, (_, i) => `2024-05-${String((i % 31) + 1).padStart(2, "0")}\t${i / 10}`).join("\n")}\n`);
  write("line.csv", `a,b,"${"x".repeat(2_000_000)}`);
  write("deep.json", JSON.stringify({ name: "sea", values: Array.from({ length: 500 }, (_, i) => i), inner: { a: null, b: [true] } }));
  write("bad.json", '{"name": "sea",\n "level": oops}');
  write("book.ipynb", JSON.stringify(BOOK));
  write("bomb.svg", '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 2"><script>document.title="taken"</script><rect width="4" height="2"/></svg>');
  write("tone.wav", tone());
  write("raw.bin", Buffer.from("\0\x01\x02SQLite"));
  write("run.log", Array.from({ length: 60_000 }, (_, i) => `line ${i}`).join("\n"));
  write("spectra.mzML", '<?xml version="1.0"?><mzML version="1.1.0"><run id="r"><spectrumList count="1"><spectrum id="scan=1" defaultArrayLength="7"><cvParam accession="MS:1000511" value="2"/></spectrum></spectrumList></run></mzML>');
  return folder;
}

test("files of a dataset are shown as what they are", async ({ bed, page }) => {
  const server = await bed.up();
  const said = await bed.rigi(["data", "put", "sea/level", folder(bed)]);
  expect(said.code, said.err).toBe(0);
  const errors = complaints(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);
  const open = async (path: string) => {
    await page.goto(`${server.api.url}/data/sea/level?path=${path}`);
    return shown(page, path);
  };

  const rows = await open("zstd.parquet");
  await expect(rows.getByRole("row")).toHaveCount(51);
  await expect(rows.getByRole("row").nth(2)).toContainText("19223372036854775809");
  await page.getByRole("button", { name: "Show 200 rows" }).click();
  await expect(rows.getByRole("row")).toHaveCount(61);
  await page.getByRole("button", { name: "Columns" }).focus();
  await page.keyboard.press("Enter");
  await expect(rows.getByRole("row", { name: /^level float/ })).toContainText("5.9");
  await isOpen(page, "preview-parquet");

  await expect((await open("lz4.feather")).getByRole("row").nth(11)).toContainText("[0, 1]");
  await expect((await open("level.tsv")).getByRole("row").nth(1)).toContainText("2024-05-01");
  await open("line.csv");
  await expect(page.getByText("Its first line is longer than the 256 KiB that were read.")).toBeVisible();
  await open("cut.parquet");
  await expect(page.getByText(/it cannot be shown as that\. Its end is not that of a Parquet file/)).toBeVisible();

  const tree = await open("deep.json");
  await tree.getByRole("button", { name: /values: \[ 500 values \]/ }).press("Enter");
  await expect(tree.getByText("300 more values not shown")).toBeVisible();
  await isOpen(page, "preview-json");
  await open("bad.json");
  await expect(page.getByText("It is not JSON from line 2, column 11 on: `oops` is no value.")).toBeVisible();

  const book = await open("book.ipynb");
  await expect(book.getByRole("heading", { name: "Levels" })).toBeVisible();
  await expect(book.getByText("E: no")).toBeVisible();
  await expect(book.getByRole("img", { name: "Output of the cell" })).toHaveJSProperty("naturalWidth", 80);
  await isOpen(page, "preview-notebook");

  await open("bomb.svg");
  await expect(page.getByRole("img", { name: "bomb.svg" })).toHaveJSProperty("naturalWidth", 300);
  await open("tone.wav");
  await expect(page.getByText("8,000 Hz")).toBeVisible();
  await page.getByRole("button", { name: "Play" }).click();
  await expect(page.getByText("The browser cannot play this.")).toHaveCount(0);
  await expect(await open("raw.bin")).toContainText("00 01 02 53 51 4c");
  await expect(await open("run.log")).toContainText("line 59999");
  await expect((await open("spectra.mzML")).getByRole("row").nth(1)).toContainText("scan=1");
  expect(await page.title()).not.toBe("taken");
  expect(errors).toEqual([]);
});

test("what a run left is shown by the same, and a viewer that cannot be made leaves the download", async ({ bed, page }) => {
  bed.pipeline("left", { "t.parquet": new Uint8Array(), "pipeline.json": { command: ["sh", "-c", `cp ${fixtures}/snappy.parquet "$RIGI_OUTPUTS/t.parquet"; head -c 40 /dev/zero > "$RIGI_OUTPUTS/zero.bin"`] } });
  const server = await bed.up();
  const run = await server.api.ended((await server.api.submit("left")).id);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.route(/worker-.*\.js$/, (route) => route.abort());
  await signIn(page, server);
  await page.goto(`${server.api.url}/runs/${run.id}?tab=outputs`);
  await page.getByRole("tab", { name: /Outputs/ }).click();
  await expect(page.getByText("It could not be read: its preview ended before it was made.")).toBeVisible();
  await expect(page.getByRole("link", { name: "Download t.parquet" })).toBeVisible();
  await page.unroute(/worker-.*\.js$/);
  await page.reload();
  await expect(shown(page, "t.parquet").getByRole("row")).toHaveCount(51);
  // What has to be asked for is not opened by itself.
  await page.getByRole("button", { name: "zero.bin" }).press("Enter");
  await expect(shown(page, "zero.bin")).toContainText("not those of a known format");
  await isOpen(page, "preview-outputs");
});
