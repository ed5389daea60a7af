import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMoment } from "./moment.ts";

const NOW = Date.parse("2026-11-23T09:30:00Z"); // a Monday, 10:30 in Berlin
const at = (text: string) => {
  const ms = parseMoment(text, NOW, "Europe/Berlin");
  return ms === null ? null : new Date(ms).toISOString();
};

for (const [text, expected] of [
  ["yesterday 18:00", "2026-11-22T17:00:00.000Z"],
  ["Yesterday  8:05", "2026-11-22T07:05:00.000Z"],
  ["yesterday", "2026-11-22T22:59:59.000Z"],
  ["today 02:00", "2026-11-23T01:00:00.000Z"],
  ["09:15", "2026-11-23T08:15:00.000Z"],
  ["2026-07-01 18:00", "2026-07-01T16:00:00.000Z"],
  ["2026-07-01T18:00", "2026-07-01T16:00:00.000Z"],
  ["2026-11-22", "2026-11-22T22:59:59.000Z"],
  ["2026-11-22T17:00:00Z", "2026-11-22T17:00:00.000Z"],
  ["2026-11-22T17:00:00+02:00", "2026-11-22T15:00:00.000Z"],
  ["3 hours ago", "2026-11-23T06:30:00.000Z"],
  ["a day ago", "2026-11-22T09:30:00.000Z"],
  ["sunday 18:00", "2026-11-22T17:00:00.000Z"],
  ["monday", "2026-11-16T22:59:59.000Z"],
  ["now", "2026-11-23T09:30:00.000Z"],
] as const)
  test(`${text} is understood`, () => {
    assert.equal(at(text), expected);
  });

test("text that is not a time is refused, never guessed", () => {
  for (const text of [
    "",
    "soon",
    "25:00",
    "2026-13-01",
    "yesterday 18",
    "18",
    "tomorrow",
    "2026-11-31",
  ])
    assert.equal(at(text), null, text);
});
