// The benchmark's own judgement, and that its data are the same everywhere and as large as they say.
import assert from "node:assert/strict";
import { test } from "node:test";
import { zstdCompressSync, gzipSync } from "node:zlib";
import { BSON } from "mongodb";
import { judge, judgeGrowth, summarize } from "../../bench/figures.ts";
import { HOSPITAL, WHOLE_MEGABYTES } from "../../bench/hospital.ts";
import { loadProse } from "../../bench/prose.ts";
import type { Sample } from "../../bench/rounds.ts";
import { createRandom } from "../support/random.ts";

const sample = (
  name: Sample["name"],
  seconds: number,
  megabytes: number,
  storedBytes?: number,
) => ({
  name,
  seconds,
  peakMegabytes: megabytes,
  ...(storedBytes === undefined ? {} : { storedBytes }),
});

test("a figure passes at its target and misses beyond it", () => {
  const at = (ours: number, stored: number, peak: number) =>
    judge(
      summarize([
        sample("mongodump --gzip", 28, 900, 1_000),
        sample("mongokeep backup gzip", ours, peak, stored),
      ]),
    ).map(({ pass }) => pass);
  assert.deepEqual(at(10, 1_020, 300), [true, true, true]);
  assert.deepEqual(at(10.1, 1_021, 301), [false, false, false]);
});

test("time is the median of the rounds, memory the worst of them", () => {
  const rounds = [3, 1, 2].map((n) => sample("mongokeep restore", n, n * 100));
  const [summary] = summarize(rounds);
  assert.deepEqual([summary?.seconds, summary?.peakMegabytes], [2, 300]);
});

test("memory may grow by a tenth with tenfold data, and only ours is asked", () => {
  const growth = (small: number, large: number) =>
    judgeGrowth(
      summarize([sample("mongokeep restore", 1, small), sample("mongodump --gzip", 1, 1)]),
      summarize([sample("mongokeep restore", 1, large), sample("mongodump --gzip", 1, 99)]),
    ).map(({ pass }) => pass);
  assert.deepEqual(growth(100, 110), [true]);
  assert.deepEqual(growth(100, 111), [false]);
});

test("the data set is reproducible, of the announced size, and repeats no more than real notes do", () => {
  const prose = loadProse();
  const make = () =>
    HOSPITAL.map((recipe, at) => {
      const random = createRandom(at);
      const documents = Array.from({ length: Math.ceil(recipe.documents / 500) }, (_, n) =>
        BSON.serialize(recipe.make(n, random, prose)),
      );
      return Buffer.concat(documents);
    });
  const [once, again] = [make(), make()];
  assert.deepEqual(once, again);
  const whole = Buffer.concat(once);
  const announced = (WHOLE_MEGABYTES * 1e6) / 500;
  assert.ok(Math.abs(whole.length / announced - 1) < 0.05, `${whole.length} bytes`);
  // Measured on the benchmark's own data set: 0.89. Plain slices of the definitions gave 0.58, which flatters zstd.
  assert.ok(zstdCompressSync(whole).length / gzipSync(whole).length > 0.84);
});
