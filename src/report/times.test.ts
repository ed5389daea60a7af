import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAge, formatDay, formatMoment, formatStamp } from "./times.ts";

const MS = Date.UTC(2026, 10, 23, 23, 30, 3);

test("a stamp is ISO 8601 in the zone, whatever its offset", () => {
  assert.equal(formatStamp(MS, "UTC"), "2026-11-23T23:30:03+00:00");
  assert.equal(formatStamp(MS, "Europe/Berlin"), "2026-11-24T00:30:03+01:00");
  assert.equal(formatStamp(MS, "America/St_Johns"), "2026-11-23T20:00:03-03:30");
  assert.equal(Date.parse(formatStamp(MS, "Asia/Kathmandu")), MS);
});

test("the repeated hour in autumn is told apart by its offset", () => {
  const first = Date.UTC(2026, 9, 25, 0, 30);
  assert.equal(formatStamp(first, "Europe/Berlin"), "2026-10-25T02:30:00+02:00");
  assert.equal(formatStamp(first + 3_600_000, "Europe/Berlin"), "2026-10-25T02:30:00+01:00");
});

test("moments and days are those of the zone, also at midnight", () => {
  assert.equal(formatMoment(MS, "Europe/Berlin"), "2026-11-24 00:30");
  assert.equal(formatDay(MS, "Europe/Berlin"), "2026-11-24");
});

test("an age looks back, or ahead", () => {
  assert.equal(formatAge(MS - 3_600_000, MS), "1 h 00 min ago");
  assert.equal(formatAge(MS + 3_600_000, MS), "in 1 h 00 min");
});
