import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  formatBytes,
  formatCount,
  formatDuration,
  parseBytes,
  parseDuration,
  parseRate,
} from "./units.ts";

test("a size is decimal with GB and binary with GiB, with or without a space", () => {
  assert.equal(parseBytes("10GB"), 10_000_000_000);
  assert.equal(parseBytes("5 GiB"), 5 * 2 ** 30);
  assert.equal(parseBytes(" 1.5 tb "), 1.5e12);
  assert.equal(parseBytes("300 MB"), 300e6);
  assert.equal(parseBytes("0"), 0);
});

test("what is not a size is refused, never guessed", () => {
  const wrong = ["", "10", "10G", "GB", "-1GB", "1e3MB", "1,5GB", "10 GBs", "ten GB", "1..5GB"];
  for (const text of [...wrong, "10 constructor", "99999999999TB"]) {
    assert.equal(parseBytes(text), null, text);
  }
});

test("a rate without a unit is megabytes a second", () => {
  assert.equal(parseRate("20"), 20e6);
  assert.equal(parseRate("20 MB/s"), 20e6);
  assert.equal(parseRate("512 KiB / s"), 512 * 1024);
  assert.equal(parseRate("20 Mbit/s"), null);
});

test("a duration needs its unit", () => {
  assert.equal(parseDuration("24h"), 86_400_000);
  assert.equal(parseDuration("90 s"), 90_000);
  assert.equal(parseDuration("1.5min"), 90_000);
  assert.equal(parseDuration("7d"), 7 * 86_400_000);
  assert.equal(parseDuration("24"), null);
  assert.equal(parseDuration("1m"), null, "minutes or months? refuse");
});

test("sizes read well at each border", () => {
  const shown = [0, 999, 1000, 1536, 999_499, 999_500, 320_123_456, 1_074_000_000, 5e15];
  assert.deepEqual(shown.map(formatBytes), [
    "0 B",
    "999 B",
    "1 KB",
    "1.54 KB",
    "999 KB",
    "1 MB",
    "320 MB",
    "1.07 GB",
    "5000 TB",
  ]);
});

test("a shown size is a size, within half a percent of the number", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e15 }), (bytes) => {
      const back = parseBytes(formatBytes(bytes));
      assert.ok(back !== null && Math.abs(back - bytes) <= bytes * 0.0051, formatBytes(bytes));
    }),
  );
});

test("durations read well at each border", () => {
  const shown = [0, 999.6, 4_249, 9_949, 9_950, 59_600, 185_000, 3_599_900, 4_020_000, 273_600_000];
  assert.deepEqual(shown.map(formatDuration), [
    "0 ms",
    "1.0 s",
    "4.2 s",
    "9.9 s",
    "10 s",
    "1 min 00 s",
    "3 min 05 s",
    "1 h 00 min",
    "1 h 07 min",
    "3 d 4 h",
  ]);
});

test("counts are grouped by thousands", () => {
  assert.deepEqual([0, 999, 1000, 1234567].map(formatCount), ["0", "999", "1,000", "1,234,567"]);
});
