import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cutoffBefore, DAY_MS, daysIn, dueAfter, localDay, startOfDayBefore } from "./calendar.ts";
import { parsePeriod } from "./policy.ts";

const at = (iso: string) => Date.parse(iso);
const BERLIN = "Europe/Berlin";

test("a moment belongs to the day of its zone", () => {
  const moment = at("2026-11-22T23:30:00Z");
  assert.equal(localDay(moment, "UTC").weekday, 7);
  assert.equal(localDay(moment, BERLIN).weekday, 1);
  assert.equal(localDay(moment, BERLIN).number, localDay(moment, "UTC").number + 1);
});

test("the days around New Year belong to the ISO year of their Thursday", () => {
  const week = (iso: string) => localDay(at(iso), "UTC").week;
  assert.equal(week("2026-12-31T12:00:00Z"), "2026-W53");
  assert.equal(week("2027-01-03T12:00:00Z"), "2026-W53");
  assert.equal(week("2027-01-04T12:00:00Z"), "2027-W01");
  assert.equal(week("2024-12-30T12:00:00Z"), "2025-W01");
});

test("days are numbered without a gap through changes of summer time, leap days and 2038", () => {
  for (const start of ["2026-03-25", "2026-10-20", "2028-02-25", "2038-01-15"]) {
    const first = localDay(at(`${start}T01:30:00Z`), BERLIN).number;
    for (let n = 1; n < 12; n++) {
      assert.equal(localDay(at(`${start}T01:30:00Z`) + n * DAY_MS, BERLIN).number, first + n);
    }
  }
});

test("30 days are at least 30 × 24 hours, also over the shorter day in spring", () => {
  const month = parsePeriod("30d");
  const spring = at("2026-04-10T02:00:00+02:00");
  assert.equal(cutoffBefore(spring, month, BERLIN), at("2026-03-11T01:00:00+01:00"));
  const autumn = at("2026-11-10T02:00:00+01:00");
  assert.equal(cutoffBefore(autumn, month, BERLIN), at("2026-10-11T02:00:00+02:00"));
});

test("months and years end on the last day where the day is missing", () => {
  const cutoff = (iso: string, period: string) =>
    new Date(cutoffBefore(at(iso), parsePeriod(period), "UTC")).toISOString().slice(0, 10);
  assert.equal(cutoff("2026-05-31T02:00:00Z", "3mo"), "2026-02-28");
  assert.equal(cutoff("2028-02-29T02:00:00Z", "1y"), "2027-02-28");
  assert.equal(cutoff("2038-01-19T03:14:08Z", "1y"), "2037-01-19");
});

test("what a moment has become due for lies at its cutoff, give or take the end of a month", () => {
  const periods = fc.constantFrom("30d", "2w", "3mo", "1y");
  const moments = fc.integer({ min: at("2000-01-01"), max: at("2100-01-01") });
  fc.assert(
    fc.property(moments, periods, (moment, text) => {
      const period = parsePeriod(text);
      const difference = cutoffBefore(dueAfter(moment, period, BERLIN), period, BERLIN) - moment;
      assert.ok(Math.abs(difference) <= 3 * DAY_MS + 3_600_000, String(difference));
    }),
  );
});

test("a day begins when its zone says so, even where midnight does not exist", () => {
  // Beirut sets its clocks forward at 00:00: 29 March 2026 begins at 01:00.
  assert.equal(
    startOfDayBefore(at("2026-03-31T10:00:00+03:00"), 2, "Asia/Beirut"),
    at("2026-03-29T01:00:00+03:00"),
  );
});

test("a period has as many days as the calendar gives it", () => {
  const days = (iso: string, text: string) => daysIn(parsePeriod(text), at(iso), BERLIN);
  assert.equal(days("2026-11-23T02:00:00Z", "30d"), 30);
  assert.equal(days("2026-11-23T02:00:00Z", "3mo"), 92);
  assert.equal(days("2026-05-01T02:00:00Z", "3mo"), 89);
  assert.equal(days("2028-12-01T02:00:00Z", "1y"), 366);
});

test("each unit goes back and forth by the calendar, days and weeks by no less than their hours", () => {
  const shown = (ms: number) => new Date(ms).toISOString().slice(0, 16);
  const back = (iso: string, text: string) => shown(cutoffBefore(at(iso), parsePeriod(text), BERLIN)); // prettier-ignore
  const due = (iso: string, text: string) => shown(dueAfter(at(iso), parsePeriod(text), BERLIN));
  // Over 29 March 2026, which has 23 hours in Berlin, and 25 October, which has 25.
  const rows: readonly (readonly [string, string, string, string])[] = [
    ["2026-04-10T00:00Z", "30d", "2026-03-11T00:00", "2026-05-10T00:00"],
    ["2026-03-20T01:00Z", "30d", "2026-02-18T01:00", "2026-04-19T01:00"],
    ["2026-04-10T00:00Z", "4w", "2026-03-13T00:00", "2026-05-08T00:00"],
    ["2026-03-20T01:00Z", "4w", "2026-02-20T01:00", "2026-04-17T01:00"],
    ["2026-11-10T01:00Z", "30d", "2026-10-11T00:00", "2026-12-10T01:00"],
    ["2026-10-10T00:00Z", "30d", "2026-09-10T00:00", "2026-11-09T01:00"],
    ["2026-10-10T00:00Z", "4w", "2026-09-12T00:00", "2026-11-07T01:00"],
    ["2026-04-10T00:00Z", "1mo", "2026-03-10T01:00", "2026-05-10T00:00"],
    ["2026-03-20T01:00Z", "1mo", "2026-02-20T01:00", "2026-04-20T00:00"],
    ["2026-06-20T00:00Z", "6mo", "2025-12-20T01:00", "2026-12-20T01:00"],
    ["2028-02-29T01:00Z", "1y", "2027-02-28T01:00", "2029-02-28T01:00"],
    ["2026-03-28T23:30Z", "1y", "2025-03-28T23:30", "2027-03-28T22:30"],
  ];
  for (const [moment, period, before, after] of rows) {
    assert.equal(back(moment, period), before, `${period} before ${moment}`);
    assert.equal(due(moment, period), after, `${period} after ${moment}`);
  }
});
