import assert from "node:assert/strict";
import { test } from "node:test";
import { systemZone } from "./time-zone.ts";

// TZ → the zone that the C library means by it; null: none that Node knows, so UTC and a warning.
const CASES: readonly (readonly [string, string | null])[] = [
  ["Europe/Berlin", "Europe/Berlin"],
  [":Europe/Berlin", "Europe/Berlin"],
  ["/usr/share/zoneinfo/Europe/Berlin", "Europe/Berlin"],
  [":/usr/share/zoneinfo/posix/Africa/Cairo", "Africa/Cairo"],
  ["EST5EDT", "America/New_York"],
  ["", "UTC"],
  [":", "UTC"],
  ["UTC", "UTC"],
  ["UTC0", "UTC"],
  ["GMT-0", "UTC"],
  ["EST5", "Etc/GMT+5"],
  ["GMT+1", "Etc/GMT+1"],
  ["GMT-1", "Etc/GMT-1"],
  ["<+03>-3", "Etc/GMT-3"],
  ["JST-09:00", "Etc/GMT-9"],
  [" ", null],
  ["CET-1CEST", null],
  ["CET-1CEST,M3.5.0,M10.5.0/3", null],
  ["IST-5:30", null],
  ["EST99", null],
  ["+01:00", null],
  ["Nonsense/City", null],
  ["${TZ}", null],
  ["/nonexistent/zone", null],
];

for (const [tz, expected] of CASES) {
  test(`TZ=${JSON.stringify(tz)} is ${expected ?? "UTC with a warning"}`, () => {
    const { zone, problem } = systemZone(tz);
    assert.equal(zone, expected ?? "UTC");
    assert.equal(problem === null, expected !== null);
    if (problem !== null)
      assert.ok(problem.includes(JSON.stringify(tz)) && problem.includes("BACKUP_TIMEZONE"));
  });
}
