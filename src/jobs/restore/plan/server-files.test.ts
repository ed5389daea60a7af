import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeFiles } from "./server-files.ts";

const exact = (files: number) => ({ files, isExact: true });
const least = (files: number) => ({ files, isExact: false });

test("a restore is refused only where the limit is known, and all files together reach it", () => {
  const verdict = (...args: Parameters<typeof judgeFiles>) => judgeFiles(...args).verdict;
  // 4,000 collections with one index, live and staged.
  assert.equal(verdict(8_000, 8_000, { open: 8_010, limit: exact(16_000) }), "too-few");
  assert.equal(verdict(8_000, 8_000, { open: 8_010, limit: exact(64_000) }), "fits");
  // The live ones will be opened to be backed up.
  assert.equal(verdict(8_000, 8_000, { open: 20, limit: exact(16_000) }), "too-few");
  // Others' collections count as far as they are open.
  assert.equal(verdict(8_000, 0, { open: 50_000, limit: exact(58_000) }), "too-few");
  assert.equal(verdict(8_000, 0, { open: 100, limit: exact(16_000) }), "fits");
  assert.equal(verdict(40_000, 40_000, { open: null, limit: least(64_000) }), "unclear");
  assert.equal(verdict(8_000, 8_000, { open: null, limit: least(64_000) }), "fits");
  assert.equal(verdict(8_000, 8_000, { open: null, limit: null }), "fits");
  assert.equal(verdict(10_000, 10_000, { open: null, limit: null }), "unclear");
  assert.equal(verdict(100, 100, { open: 900, limit: exact(1_024) }), "fits", "too few to matter");
});
