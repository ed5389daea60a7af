import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { KeepError } from "../errors.ts";
import { describePeriod, formatPeriod, parsePeriod, wholeMonths } from "./policy.ts";

test("a period is a number and its unit", () => {
  assert.deepEqual(parsePeriod("30d"), { count: 30, unit: "d" });
  assert.deepEqual(parsePeriod("2w"), { count: 2, unit: "w" });
  assert.deepEqual(parsePeriod("3mo"), { count: 3, unit: "mo" });
  assert.deepEqual(parsePeriod(" 1y "), { count: 1, unit: "y" });
});

test("every period is read back as it was written", () => {
  const units = fc.constantFrom("d", "w", "mo", "y");
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9999 }), units, (count, unit) => {
      assert.deepEqual(parsePeriod(formatPeriod({ count, unit })), { count, unit });
    }),
  );
});

for (const wrong of [
  "",
  "30",
  "d",
  "0d",
  "-1d",
  "1.5y",
  "30 d",
  "3m",
  "30D",
  "99999d",
  "1y2mo",
  "toString",
]) {
  test(`"${wrong}" is refused with the name of the setting and a right value`, () => {
    assert.throws(
      () => parsePeriod(wrong, "RETENTION_DAILY"),
      (error) =>
        error instanceof KeepError &&
        error.code === "bad-setting" &&
        error.message === `RETENTION_DAILY ${JSON.stringify(wrong)} is not a period` &&
        error.hint.includes("30d"),
    );
  });
}

test("a period is described in words", () => {
  assert.equal(describePeriod({ count: 30, unit: "d" }), "30 days");
  assert.equal(describePeriod({ count: 1, unit: "y" }), "1 year");
  assert.equal(describePeriod({ count: 3, unit: "mo" }), "3 months");
});

test("a period has at least so many whole months", () => {
  const months = (["1y", "3mo", "61d", "62d", "52w"] as const).map((p) =>
    wholeMonths(parsePeriod(p)),
  );
  assert.deepEqual(months, [12, 3, 1, 2, 11]);
});
