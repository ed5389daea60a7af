import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { StatusFacts } from "./status-rules.ts";
import { chooseLatest, goodOfScope } from "../../archive/resolve.ts";
import { drillsOfScope, judgeStatus, lastRestoreOf, trendOf } from "./status-rules.ts";

type Entry = StatusFacts["entries"][number];
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 23, 8);
const SCOPE = { server: "rs0", hosts: ["localhost:27017"], databases: ["surg"], exclude: [] };

/** Only what the rules read. */
function entry(ageMs: number, storedBytes = 100, more: object = {}): Entry {
  const createdAt = new Date(NOW - ageMs).toISOString();
  const manifest = { createdAt, type: "automatic", scope: SCOPE, totals: { storedBytes } };
  const id = createdAt.slice(0, 19);
  return { id, path: `/b/${id}`, state: "good", manifest, verification: null, problem: null, ...more } as unknown as Entry; // prettier-ignore
}

function judge(change: Partial<StatusFacts> & { entries: readonly Entry[] }): string[] {
  const good = goodOfScope(change.entries, SCOPE, NOW);
  const settings = {
    ...SCOPE,
    backupDir: "/b",
    diskWarnFreeBytes: 10,
    diskAbortFreeBytes: 5,
    drill: { reminderMs: 90 * DAY },
  };
  const facts = {
    ...{
      settings,
      nowMs: NOW,
      records: [],
      unreadable: [],
      drills: [],
      freeBytes: 100,
      running: false,
      good,
      latest: chooseLatest(change.entries, SCOPE, NOW),
    },
    ...{ schedule: { installed: true, warnings: [] }, trend: trendOf(good), ...change },
  } as unknown as StatusFacts;
  return judgeStatus(facts).map(({ code }) => code);
}

const record = (id: string, state: string, rollbackOf: string | null, ageMs = DAY) =>
  ({ id, state, recorded: { id, rollbackOf, createdAt: new Date(NOW - ageMs).toISOString() } }) as unknown as StatusFacts["records"][number]; // prettier-ignore

test("a fresh good backup and a schedule need nobody", () => {
  assert.deepEqual(judge({ entries: [entry(6 * HOUR)] }), []);
});

test("26 hours are enough, more are not", () => {
  assert.deepEqual(judge({ entries: [entry(26 * HOUR)] }), []);
  assert.deepEqual(judge({ entries: [entry(26 * HOUR + 1)] }), ["backup-stale"]);
});

test("backups of another server or other data, partial, pre-restore, future and unverified ones are no good ones", () => {
  const others = [
    entry(HOUR, 1, { manifest: { ...entry(HOUR).manifest, scope: { ...SCOPE, hosts: ["x:1"] } } }),
    entry(HOUR, 1, { manifest: { ...entry(HOUR).manifest, type: "pre-restore" } }),
    entry(-HOUR),
    entry(HOUR, 1, { state: "unverified" }),
    entry(HOUR, 1, {
      manifest: { ...entry(HOUR).manifest, scope: { ...SCOPE, exclude: ["surg.a"] } },
    }),
    entry(HOUR, 1, {
      manifest: { ...entry(HOUR).manifest, scope: { ...SCOPE, databases: ["a"] } },
    }),
  ];
  assert.deepEqual(judge({ entries: others }), ["no-backup"]);
});

test("without a named server every good backup counts", () => {
  const found = goodOfScope([entry(HOUR), entry(2 * HOUR)], { hosts: [], databases: null, exclude: [] }, NOW); // prettier-ignore
  assert.equal(found.length, 2);
});

test("a size that differs by more than half from the median of the seven before is told", () => {
  const before = [100, 100, 100, 100, 100, 100, 100, 9999].map((size, n) => entry((n + 2) * HOUR, size)); // prettier-ignore
  for (const [size, expected] of [
    [150, []],
    [151, ["size-changed"]],
    [50, []],
    [49, ["size-changed"]],
  ] as const) {
    // prettier-ignore
    assert.deepEqual(judge({ entries: [entry(HOUR, size), ...before] }), expected, String(size));
  }
});

test("fewer than three backups before it give no trend", () => {
  assert.equal(trendOf([entry(1, 9), entry(2), entry(3)]), null);
  assert.equal(trendOf([entry(1, 9), entry(2), entry(3), entry(4)])?.medianBytes, 100);
});

test("the median lies between the smallest and the largest of what it is of", () => {
  const sizes = fc.array(fc.nat(), { minLength: 4, maxLength: 12 });
  fc.assert(
    fc.property(sizes, (all) => {
      const trend = trendOf(all.map((size, n) => entry(n, size)));
      const used = all.slice(1, 8);
      assert.ok(trend);
      assert.equal(trend.of, used.length);
      assert.ok(trend.medianBytes >= Math.min(...used) && trend.medianBytes <= Math.max(...used));
      const below = used.filter((size) => size < trend.medianBytes).length;
      assert.ok(below <= used.length / 2);
    }),
  );
});

test("little disk is told", () => {
  assert.deepEqual(judge({ entries: [entry(HOUR)], freeBytes: 9 }), ["disk-low"]);
  assert.deepEqual(judge({ entries: [entry(HOUR)], freeBytes: 10 }), []);
});

test("damaged, unreadable and partial backups are told; a partial one not while a run holds the lock", () => {
  const entries = [
    entry(HOUR),
    entry(DAY, 1, { state: "damaged" }),
    entry(2 * DAY, 1, { state: "unreadable", manifest: null }),
    entry(0, 1, { state: "partial", manifest: null }),
  ];
  assert.deepEqual(judge({ entries }), ["backup-damaged", "backup-unreadable", "backup-partial"]);
  assert.deepEqual(judge({ entries, running: true }), ["backup-damaged", "backup-unreadable"]);
});

test("an unfinished restore is told until it was rolled back", () => {
  const entries = [entry(HOUR)];
  const broken = record("r1", "broken", null);
  assert.deepEqual(judge({ entries, records: [broken] }), ["restore-unfinished"]);
  assert.deepEqual(judge({ entries, records: [broken], running: true }), []);
  const back = record("r2", "finished", "r1");
  assert.deepEqual(judge({ entries, records: [back, broken] }), []);
});

test("no restore for 90 days is told, counted from the oldest backup where there never was one", () => {
  const old = [entry(HOUR), entry(91 * DAY)];
  assert.deepEqual(judge({ entries: [entry(HOUR), entry(89 * DAY)] }), []);
  assert.deepEqual(judge({ entries: old }), ["restore-untried"]);
  assert.deepEqual(judge({ entries: old, records: [record("r", "finished", null)] }), []);
  assert.deepEqual(judge({ entries: old, records: [record("r", "finished", null, 91 * DAY)] }), ["restore-untried"]); // prettier-ignore
});

const drill = (ageMs: number, ok = true, scope = SCOPE) =>
  ({ id: `d${ageMs}`, ok, startedAt: new Date(NOW - ageMs).toISOString(), scope, restoreSeconds: null }) as StatusFacts["drills"][number]; // prettier-ignore

test("a drill that passed counts like a restore, one that failed is told until another passes", () => {
  const entries = [entry(HOUR), entry(91 * DAY)];
  assert.deepEqual(judge({ entries, drills: [drill(89 * DAY)] }), []);
  assert.deepEqual(judge({ entries, drills: [drill(91 * DAY)] }), ["restore-untried"]);
  assert.deepEqual(judge({ entries, drills: [drill(HOUR, false)] }), ["drill-failed", "restore-untried"]); // prettier-ignore
  assert.deepEqual(judge({ entries, drills: [drill(HOUR, false), drill(DAY)] }), ["drill-failed"]);
  assert.deepEqual(judge({ entries, drills: [drill(HOUR), drill(DAY, false)] }), []);
});

test("the reminder is a setting, and can be switched off", () => {
  const entries = [entry(HOUR), entry(400 * DAY)];
  const settings = (reminderMs: number) => ({ settings: { ...SCOPE, diskWarnFreeBytes: 0, drill: { reminderMs } } }) as unknown as StatusFacts; // prettier-ignore
  assert.deepEqual(judge({ ...settings(7 * DAY), entries, drills: [drill(8 * DAY)] }), ["restore-untried"]); // prettier-ignore
  assert.deepEqual(judge({ ...settings(0), entries }), []);
});

test("drills of other servers and of the future are not counted", () => {
  const other = { ...SCOPE, hosts: ["x:1"] };
  const found = drillsOfScope([drill(-HOUR), drill(HOUR, true, other), drill(DAY)], SCOPE, NOW);
  assert.deepEqual(found.map(({ id }) => id), [`d${DAY}`]); // prettier-ignore
});

test("a missing schedule is told, and so is one that cannot run", () => {
  const entries = [entry(HOUR)];
  const missing = { installed: false, warnings: [] } as unknown as StatusFacts["schedule"];
  const stopped = { installed: true, warnings: ["no cron"] } as unknown as StatusFacts["schedule"];
  assert.deepEqual(judge({ entries, schedule: missing }), ["no-schedule"]);
  assert.deepEqual(judge({ entries, schedule: stopped }), ["schedule"]);
});

test("a restore whose record cannot be read needs a person, unless its journal says that it is over", () => {
  const one = { id: "2026-11-22_02-00-00", path: "", file: "/b/plan.json", problem: "is not JSON" };
  const at = "2026-11-22T02:00:00.000Z";
  const unreadable = (entries: StatusFacts["unreadable"][number]["entries"]) =>
    judge({ entries: [entry(HOUR)], unreadable: [{ ...one, backups: null, entries }] });
  assert.deepEqual(unreadable(null), ["restore-unreadable"]);
  assert.deepEqual(unreadable([{ at, step: "end", state: "failed" }]), []);
});

test("the last restore is one that succeeded: not one that failed or was interrupted, and no rollback", () => {
  const record = (id: string, state: string, more: object = {}) => ({
    ...{ id, state, entries: [], recorded: { rollbackOf: null }, ...more },
  });
  const failed = ["undone", "untouched", "broken", "rolled-back"].map((state) => record(state, state)); // prettier-ignore
  const last = (...records: object[]) =>
    lastRestoreOf([...failed, ...records] as unknown as StatusFacts["records"])?.id;
  assert.equal(last(), undefined);
  const rollback = record("rollback", "finished", { recorded: { rollbackOf: "a" } });
  assert.equal(last(rollback, record("a", "finished")), "a");
  const undone = record("b", "rolled-back", { entries: [{ step: "end", state: "done" }] });
  assert.equal(last(undone, record("a", "finished")), "b", "undone later, yet it succeeded");
});
