import { expect, test } from "vitest";

import { cores, readBytes, readCores, readCount, readTime, writeBytes, writeTime } from "./quantity";

const amounts = (read: (text: string) => object, given: Record<string, number | null>) => {
  for (const [text, amount] of Object.entries(given)) expect(read(text), text).toEqual({ amount });
};
const wrong = (read: (text: string) => object, ...texts: string[]) => {
  for (const text of texts) expect(read(text), text).toHaveProperty("wrong");
};

test("amounts are read as people write them, as the command line does", () => {
  amounts(readCores, { "16 cores": 16, "1 core": 1, "1.5": 1.5, "500m": 0.5, " 2 ": 2 });
  amounts(readBytes, {
    "64GiB": 64 * 1024 ** 3,
    "64 gb": 64 * 1024 ** 3,
    "1.5m": 1.5 * 1024 ** 2,
    "2 Ti": 2 * 1024 ** 4,
    "512": 512,
    "7 B": 7,
  });
  amounts(readTime, { "1h": 3_600_000, "1 h 30 min": 5_400_000, "1h30m": 5_400_000, "2 days": 172_800_000, "90": 90_000, "250ms": 250 });
  amounts(readCount(), { "20": 20, "1,000": 1000, "0": 0 });
});

test("none clears, and so does nothing at all", () => {
  for (const read of [readCores, readBytes, readTime, readCount()]) amounts(read, { none: null, "": null, "  ": null, None: null });
});

test("what is no amount is refused before it is sent", () => {
  wrong(readCores, "many", "0", "2 GiB", "-1", "1000000");
  wrong(readBytes, "GiB", "1 gallon", "-1", "9999999 PiB", "1 ib");
  wrong(readTime, "soon", "1 fortnight", "1 h 30", "-1 h", "5000000 d");
  wrong(readCount(1), "1.5", "0", "-1", "few");
});

test("what is written is read back exactly", () => {
  for (const amount of [1, 1500, 1024, 64 * 1024 ** 3, 1024 ** 4 + 1, 3 * 1024 ** 5])
    expect(readBytes(writeBytes(amount))).toEqual({ amount });
  for (const amount of [1, 1000, 5_400_000, 86_400_000 * 30, 90_061_001]) expect(readTime(writeTime(amount))).toEqual({ amount });
  for (const amount of [0.5, 1, 16, 1.125]) expect(readCores(cores(amount))).toEqual({ amount });
  expect([writeBytes(64 * 1024 ** 3), writeTime(5_400_000), cores(1), cores(0.5)]).toEqual(["64 GiB", "1 h 30 min", "1 core", "0.5 cores"]);
});
