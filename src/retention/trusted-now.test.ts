import assert from "node:assert/strict";
import { test } from "node:test";
import { unvouchedDays } from "./trusted-now.ts";

const nightly = (newest: number, count: number) =>
  Array.from({ length: count }, (_, n) => newest - n);

test("with a backup every night all of the clock's time counts", () => {
  assert.equal(unvouchedDays(nightly(1000, 30), 1000, 30), 0);
  assert.equal(unvouchedDays(nightly(999, 30), 1000, 30), 0, "before tonight's backup");
});

test("a clock that jumps ahead by 40 days adds no time", () => {
  assert.equal(unvouchedDays([1040, ...nightly(1000, 30)], 1040, 30), 40);
  assert.equal(unvouchedDays([...nightly(1043, 4), ...nightly(1000, 30)], 1043, 30), 40);
  assert.equal(unvouchedDays(nightly(1000, 30), 1040, 30), 40, "nor before a backup was made");
});

test("nights without a good backup add no time while they lie in the daily window", () => {
  const missed = [...nightly(1000, 10), ...nightly(988, 30)];
  assert.equal(unvouchedDays(missed, 1000, 30), 3);
  assert.equal(unvouchedDays(missed, 1000, 10), 0, "the gap is older than the window");
});

test("the gaps that cleanup itself made, beyond the daily window, are no gaps", () => {
  assert.equal(unvouchedDays([...nightly(1000, 30), 964, 957, 950], 1000, 30), 0);
  assert.equal(unvouchedDays([...nightly(999, 29), 964, 957], 1000, 30), 0);
});

test("without backups nothing is taken off", () => {
  assert.equal(unvouchedDays([], 1000, 30), 0);
});

test("a daily window of one day still sees the night before", () => {
  assert.equal(unvouchedDays([1040, 1000], 1040, 1), 40);
  assert.equal(unvouchedDays([1000, 999], 1000, 1), 0);
});
