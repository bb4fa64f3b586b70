import { createHash } from "node:crypto";

import { expect, test } from "vitest";

import { chosenOf, withoutFolder } from "./gather";
import { hashOf } from "./hash";
import { portionsOf } from "./portions";
import { headerOf, tarOf } from "./tar";

const never = new AbortController().signal;
const file = (path: string): File => Object.assign(new File(["x"], path.split("/").at(-1) ?? path), { webkitRelativePath: path });

test("a hash is the same in one piece and in many, and every byte is told once", async () => {
  for (const size of [0, 5, 4 << 20, (4 << 20) + 1, 9_000_001]) {
    const content = Buffer.alloc(size, "0123456789a");
    let read = 0;
    const hash = await hashOf(new Blob([content]), (bytes) => (read += bytes), never);
    expect(hash).toBe(createHash("sha256").update(content).digest("hex"));
    expect(read).toBe(size);
  }
});

test("what is stopped is not hashed on", async () => {
  const control = new AbortController();
  const hashed = hashOf(new Blob([Buffer.alloc(9 << 20)]), () => control.abort(), control.signal);
  await expect(hashed).rejects.toThrow();
});

test("a tar has whole blocks, sums that are right, and two empty blocks at its end", async () => {
  const tar = Buffer.from(await tarOf([new Blob(["small"]), new Blob([Buffer.alloc(512, "b")]), new Blob([])]).arrayBuffer());
  expect(tar.length).toBe(512 * (2 + 2 + 1 + 2));
  for (const [at, size] of [
    [0, 5],
    [1024, 512],
    [2048, 0],
  ] as const) {
    const header = tar.subarray(at, at + 512);
    expect(parseInt(header.subarray(124, 135).toString(), 8)).toBe(size);
    const told = parseInt(header.subarray(148, 154).toString(), 8);
    const blank = Buffer.from(header).fill(" ", 148, 156);
    expect(blank.reduce((sum, byte) => sum + byte, 0)).toBe(told);
  }
  expect(tar.subarray(512, 517).toString()).toBe("small");
  expect(tar.subarray(-1024).every((byte) => byte === 0)).toBe(true);
});

test("a size that octal digits cannot hold is written in base 256", () => {
  const header = Buffer.from(headerOf("x", 50 * 2 ** 30));
  expect(header[124]).toBe(0x80);
  expect(header.readBigUInt64BE(128)).toBe(50n * 2n ** 30n);
  expect(
    Buffer.from(headerOf("x", 8 ** 11 - 1))
      .subarray(124, 135)
      .toString(),
  ).toBe("77777777777");
});

test("portions hold all in order, and none is too large but a file alone", () => {
  const sizes = [3, 3, 3, 20, 1, 1, 9].map((size) => ({ size }));
  const portions = portionsOf(sizes, { bytes: 10, files: 3 });
  expect(portions.map((portion) => portion.map(({ size }) => size))).toEqual([[3, 3, 3], [20], [1, 1], [9]]);
  expect(portionsOf([])).toEqual([]);
});

test("of one folder, its own name is no part of the paths; of several, each is", () => {
  const paths = (all: string[]) => withoutFolder(chosenOf(all.map(file))).map(({ path }) => path);
  expect(paths(["m/a", "m/d/b"])).toEqual(["a", "d/b"]);
  expect(paths(["m/a", "n/b"])).toEqual(["m/a", "n/b"]);
  expect(paths(["a", "m/b"])).toEqual(["a", "m/b"]);
  expect(paths(["m/a", "mm/b"])).toEqual(["m/a", "mm/b"]);
});
