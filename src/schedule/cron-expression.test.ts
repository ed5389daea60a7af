import assert from "node:assert/strict";
import { test } from "node:test";
import { KeepError } from "../errors.ts";
import { nextRun, normalizeCron, parseCron } from "./cron-expression.ts";

const NOW = Date.parse("2026-11-23T12:00:00Z");

test("the five fields give their values", () => {
  const fields = parseCron("*/15 1-5/2,22 1 jan MON");
  assert.deepEqual(fields.minutes, [0, 15, 30, 45]);
  assert.deepEqual(fields.hours, [1, 3, 5, 22]);
  assert.deepEqual(fields.days, [1]);
  assert.deepEqual(fields.months, [1]);
  assert.deepEqual(fields.weekdays, [1]);
  assert.equal(fields.eitherDay, true);
});

test("Sunday is 0 and 7", () => {
  assert.deepEqual(parseCron("0 2 * * 7").weekdays, [0]);
  assert.deepEqual(parseCron("0 2 * * 5-7").weekdays, [0, 5, 6]);
  assert.equal(parseCron("0 2 * * 7").eitherDay, false);
});

test("spaces and tabs between the fields become one space", () => {
  assert.equal(normalizeCron(" 0  2\t* * * ", NOW), "0 2 * * *");
});

const WRONG = [
  ["", "fields"],
  ["0 2 * *", "has 4 fields"],
  ["0 0 2 * * *", "has 6 fields"],
  ["@daily", "has 1 fields"],
  ["60 2 * * *", "minute"],
  ["0 24 * * *", "hour"],
  ["0 2 0 * *", "day of the month"],
  ["0 2 * 13 *", "month"],
  ["0 2 * * 8", "day of the week"],
  ["0 2 L * *", "day of the month"],
  ["0 2 ? * *", "day of the month"],
  ["5-1 2 * * *", "minute"],
  ["5/2 2 * * *", "minute"],
  ["*/0 2 * * *", "minute"],
  ["0 2 * * mon-fri", "day of the week"],
  ["0, 2 * * *", "minute"],
  ["-1 2 * * *", "minute"],
  ["0 2 30 2 *", "never comes"],
  ["0 2 * * *\n* * * * * rm", "fields"],
] as const;
for (const [expression, said] of WRONG) {
  test(`${JSON.stringify(expression)} is refused: ${said}`, () => {
    assert.throws(
      () => normalizeCron(expression, NOW),
      (error) =>
        error instanceof KeepError && error.code === "usage" && error.message.includes(said),
    );
  });
}

test("the next run is told in the zone of the schedule", () => {
  const iso = (zone: string) => new Date(nextRun("0 2 * * *", zone, NOW) ?? 0).toISOString();
  assert.equal(iso("UTC"), "2026-11-24T02:00:00.000Z");
  assert.equal(iso("Europe/Berlin"), "2026-11-24T01:00:00.000Z");
});
