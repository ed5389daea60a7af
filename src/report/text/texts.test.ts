// What each command says to a person, word for word where words are the contract.
import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  DrillResult,
  ListedBackup,
  PlannedRestore,
  RestoreResult,
} from "../../jobs/results.ts";
import type { LostSince } from "../../jobs/restore/plan/lost-writes.ts";
import { factsOf } from "../outcome.ts";
import { PLAIN } from "../style.ts";
import { formatBackup } from "./backup.ts";
import { formatCleanup } from "./cleanup.ts";
import { formatDoctor } from "./doctor.ts";
import { formatDrill } from "./drill.ts";
import { formatList } from "./list.ts";
import { formatRestore } from "./restore.ts";
import { formatPlan } from "./restore-plan.ts";
import { formatSchedule } from "./schedule.ts";
import { formatStatus } from "./status.ts";
import { formatVerify } from "./verify.ts";

const view = { style: PLAIN, zone: "Europe/Berlin", nowMs: Date.UTC(2026, 10, 23, 8) };
const ID = "2026-11-23_02-00-00";
const totals = { collections: 7, documents: 12_345, rawBytes: 120e6, storedBytes: 34.5e6 };

test("a backup says where it is, what it holds, and that it was verified", () => {
  const text = formatBackup(
    {
      ok: true,
      id: ID,
      path: `/b/${ID}`,
      type: "manual",
      note: "before\nmigration",
      totals,
      consistency: { mode: "none" },
      outsideInstant: [],
      engine: "mongodump",
      users: "included",
      verification: { ok: true, level: "full" },
      timings: { dumpSeconds: 3, verifySeconds: 1.5, totalSeconds: 5 },
      cleanup: { kept: 3, deleted: 1 },
      leftOut: [],
      warnings: [],
    },
    view,
  );
  assert.equal(
    text,
    [
      `backup good: ${ID}`,
      `  folder    /b/${ID}`,
      "  type      manual",
      "  note      before\\u000amigration",
      "  holds     12,345 documents in 7 collections",
      "  size      34.5 MB, 120 MB unpacked",
      "  moment    collections one after the other, not one instant",
      "  engine    mongodump",
      "  users     included",
      "  verified  full, in 1.5 s",
      "  took      5.0 s",
      "  cleanup   3 backups kept, 1 deleted",
    ].join("\n"),
  );
});

test("damage names file, chunk and document", () => {
  const problem = { file: "surg/a.bson.gz", chunk: 3, document: 1204, problem: "checksum differs" };
  const one = { id: ID, path: "/b", level: "full", documents: 10, seconds: 2 } as const;
  const backups = [
    { ...one, ok: false, problems: [problem] },
    { ...one, ok: true, problems: [] },
  ];
  assert.equal(
    formatVerify({ ok: false, backups, warnings: [] }, view),
    [
      `DAMAGED ${ID}  full, 2.0 s`,
      "  surg/a.bson.gz, chunk 3, document 1204: checksum differs",
      `good    ${ID}  full, 10 documents, 2.0 s`,
    ].join("\n"),
  );
});

const plan: PlannedRestore["plan"] = {
  backup: ID,
  mode: "in-place",
  expiry: true,
  oplog: null,
  collections: [
    {
      namespace: "surg.pa\u001b[2Jtients",
      database: "surg",
      name: "pa\u001b[2Jtients",
      source: { database: "surg", name: "patients" },
      type: "collection",
      action: "replace",
      documents: 1000,
      rawBytes: 1e6,
      contentHash: null,
      newestId: "2026-11-21T10:00:00.000Z",
      way: "in-place",
      indexes: 2,
      live: {
        ...{ type: "collection", documents: 990, bytes: 9e5, diskBytes: 4e5, indexes: 1 },
        newestId: null,
      },
      liveDocuments: 990,
    },
  ],
  remove: [],
  removeInPlace: [],
  keptLive: Array.from({ length: 10 }, (_, n) => `surg.c${n}`),
  usersOf: ["surg"],
  targetDatabases: ["surg"],
  targetWasEmpty: false,
  totals: { collections: 1, documents: 1000, rawBytes: 1e6 },
  stopsService: "surg-backend",
  makesPreRestoreBackup: true,
  swapsBack: false,
  leftOut: [],
  ...{ outsideInstant: [], expiring: [], lostSince: null },
  estimate: {
    seconds: 7,
    basis: "assumed",
    lastDrillSeconds: null,
    serviceDownSeconds: 0.5,
    neededBytes: 0,
    freeBytes: null,
    missingBytes: 0,
  },
};
const planned: PlannedRestore = {
  ...{ ok: true, planned: true, restored: false, backup: ID, manifest: null, plan, warnings: [] },
  ...{ target: { hosts: ["127.0.0.1:27017"], databases: ["surg"] }, rollbackOf: null },
};

test("a plan says what is replaced, what stays, what stops, and that nothing was changed", () => {
  const text = formatRestore(planned, "restore", view);
  assert.match(text, /replace +surg\.pa\\u001b\[2Jtients +990 +.* +1,000 +1 MB +2026-11-21 /);
  assert.match(text, /indexes +surg\.pa\\u001b\[2Jtients 1 now, 2 then/);
  assert.match(text, /keeps +surg\.c0, .*surg\.c7 and 2 more/);
  assert.match(text, /stops +surg-backend/);
  assert.match(text, /protects +what is there now is backed up first/);
  assert.match(text, /nothing was changed: the same restore with --confirm does it$/);
});

test("a plan that protects nothing says so loudly", () => {
  const bare = { ...planned, plan: { ...plan, makesPreRestoreBackup: false } };
  assert.match(formatRestore(bare, "restore", view), /protects +NOT: what is there now is lost/);
});

test("a plan names its target, and a rollback's plan the restore that it undoes", () => {
  const [title = ""] = formatRestore(planned, "restore", view).split("\n");
  assert.equal(title, `plan to restore ${ID} into 127.0.0.1:27017, database surg`);
  const rollback = { ...planned, rollbackOf: "2026-11-23_09-00-00" };
  assert.match(
    formatRestore(rollback, "rollback", view),
    /^plan to undo the restore 2026-11-23_09-00-00 into 127\.0\.0\.1:27017, database surg\n/,
  );
});

test("a plan that is followed by a question does not say how else to confirm it", () => {
  assert.doesNotMatch(formatPlan(planned, view), /--confirm|nothing was changed/);
});

test("a plan counts what has expired and offers --no-ttl, and says what it could not count", () => {
  const text = (expiring: PlannedRestore["plan"]["expiring"]) =>
    formatRestore({ ...planned, plan: { ...plan, expiring } }, "restore", view);
  assert.doesNotMatch(text([]), /expires|--no-ttl/);
  assert.match(text([{ namespace: "surg.a", documents: 12 }]), /expires +12 documents of surg\.a .*--no-ttl keeps them/); // prettier-ignore
  assert.match(text([{ namespace: "surg.b", documents: null }]), /an uncounted number of surg\.b: .*--no-ttl/); // prettier-ignore
});

test("a rollback's plan says what was written since, what is not known, and where it stays", () => {
  const text = (collections: LostSince["collections"], swapsBack = true) => {
    const lostSince = { restoredAt: "2026-11-23T07:00:00.000Z", collections };
    return formatRestore({ ...planned, plan: { ...plan, swapsBack, lostSince } }, "rollback", view);
  };
  assert.match(text([]), /loses +nothing: nothing was written since the restore \(2026-11-23 08:00\)/); // prettier-ignore
  const more = { namespace: "surg.a", written: true, moreDocuments: 3 };
  assert.match(text([more]), /written since the restore .* to surg\.a \(3 documents more\); it stays in the retained/); // prettier-ignore
  const unknown = { namespace: "surg.b", written: null, moreDocuments: 0 };
  const both = text([more, unknown], false);
  assert.match(both, /to surg\.b, which cannot be told; the safety backup holds it/);
});

test("a plan names the collections that are outside of its instant", () => {
  const manifest = {
    ...{ id: ID, createdAt: "2026-11-23T01:00:00.000Z", type: "automatic", note: null, totals },
    server: { version: "7.0.0", topology: "replicaSet" },
    ...{ databases: ["surg"], users: "included", consistency: { mode: "snapshot" } },
  } as unknown as PlannedRestore["manifest"];
  const text = (outsideInstant: readonly string[]) =>
    formatRestore({ ...planned, manifest, plan: { ...plan, outsideInstant } }, "restore", view);
  assert.match(text([]), /moment +one instant\n/);
  assert.match(text(["surg.log"]), /moment +one instant, except surg\.log/);
});

test("an _id of the future or of an age before MongoDB tells no time", () => {
  const at = (newestId: string) => {
    const collections = plan.collections.map((one) => ({ ...one, newestId }));
    return formatRestore({ ...planned, plan: { ...plan, collections } }, "restore", view);
  };
  assert.match(at("2026-11-21T10:00:00.000Z"), /newest +then 2026-11-21 11:00/);
  for (const made of ["2106-02-07T06:28:15.000Z", "1970-01-01T00:00:00.000Z"]) {
    assert.doesNotMatch(at(made), /2106|1970| in \d+ d/);
    assert.match(at(made), / \? /);
  }
});

test("a plan tells what the last drill took", () => {
  const takes = (estimate: Partial<PlannedRestore["plan"]["estimate"]>) =>
    formatRestore({ ...planned, plan: { ...plan, estimate: { ...plan.estimate, ...estimate } } }, "restore", view); // prettier-ignore
  assert.match(takes({}), /takes +about 7\.0 s \(not measured here yet\)/);
  assert.match(takes({ lastDrillSeconds: 95 }), /\(not measured here yet; the last drill took 1 min 35 s\)/); // prettier-ignore
});

test("a restore names what it brought that is outside of the backup's instant", () => {
  const outside = { ...done, outsideInstant: ["surg.log"] };
  assert.match(formatRestore(outside, "restore", view), /moment +one instant, except surg\.log \(/);
  assert.doesNotMatch(formatRestore(done, "restore", view), /moment/);
});

test("a plan fits the terminal without breaking a word", () => {
  const long = { ...plan, collections: [...plan.collections, { ...plan.collections[0], namespace: `surg.${"long_".repeat(14)}` }] }; // prettier-ignore
  const wide = { ...planned, plan: long as PlannedRestore["plan"] };
  for (const columns of [80, 100, 132]) {
    const text = formatRestore(wide, "restore", { ...view, columns });
    for (const line of text.split("\n"))
      // A name that is longer than the line stays whole.
      assert.ok(line.length <= columns || !line.trim().includes(" "), line);
    assert.match(text, /newest +then 2026-11-21 11:00/);
  }
});

const done: RestoreResult = {
  ok: true,
  restored: true,
  restoreId: "2026-11-23_09-00-00",
  target: { hosts: ["127.0.0.1:27017"], databases: ["surg"] },
  rollbackOf: null,
  mode: "in-place",
  setAside: [],
  backup: ID,
  preRestoreBackup: "2026-11-23_08-59-00",
  targetWasEmpty: false,
  collections: [{ namespace: "surg.patients", documents: 1000, equal: true, verified: "hash" }],
  outsideInstant: [],
  oplog: null,
  serviceDownSeconds: 4.2,
  rolledBack: false,
  timings: {
    verifySeconds: 1,
    preRestoreBackupSeconds: 1,
    loadSeconds: 1,
    proveSeconds: 1,
    totalSeconds: 5,
  },
  log: "/b/restores/x/restore.log",
  warnings: [],
};

test("a restore names its backup and target, what was verified, and how it is undone", () => {
  const text = formatRestore(done, "restore", view);
  assert.match(text, new RegExp(`^restored: ${ID}\n +into +127\\.0\\.0\\.1:27017, database surg\n`)); // prettier-ignore
  assert.match(text, /verified +1 collection equal by count and hash\n/);
  assert.match(text, /before it +safety backup 2026-11-23_08-59-00\n/);
  assert.match(text, /service down +4\.2 s/);
  assert.match(text, /\nto undo it: mongokeep rollback 2026-11-23_09-00-00 --confirm$/);
  assert.doesNotMatch(text, /NOT EQUAL/);
});

test("a rollback names what it undid, and that undoing it needs its own id", () => {
  const back = { ...done, rollbackOf: "2026-11-22_09-00-00", rolledBack: true };
  const text = formatRestore(back, "rollback", view);
  assert.match(text, /^undone: the restore 2026-11-22_09-00-00\n/);
  assert.match(text, /to undo this rollback, name it: mongokeep rollback 2026-11-23_09-00-00 --confirm$/); // prettier-ignore
  // An interrupted restore is undone within its own record: there is nothing to undo after that.
  const dead = formatRestore({ ...back, rollbackOf: done.restoreId }, "rollback", view);
  assert.doesNotMatch(dead, /to undo/);
});

test("what was not counted is not shown as 0", () => {
  const one = { namespace: "surg.a", documents: null, equal: null, verified: "renamed back" } as const; // prettier-ignore
  assert.match(formatRestore({ ...done, collections: [one] }, "restore", view), /restored +1 collection not counted again/); // prettier-ignore
  const both = { ...done, collections: [...done.collections, one] };
  assert.match(formatRestore(both, "restore", view), /1,000 documents, and 1 collection not counted/); // prettier-ignore
  assert.equal(factsOf("restore", both).documents, null);
  const aside = { namespace: "surg.a", collection: "x", documents: 2, inBackup: false };
  const kept = { ...done, setAside: [{ ...aside, lateWrites: null }] };
  assert.match(
    formatRestore(kept, "restore", view),
    /1 collection; an unknown number of documents/,
  );
});

test("the list has a line a backup, with its age, state and last day", () => {
  const good: ListedBackup = {
    id: ID,
    path: `/b/${ID}`,
    state: "good",
    type: "automatic",
    note: null,
    createdAt: "2026-11-23T01:00:00.000Z",
    tier: ["weekly"],
    totals,
    ...{ server: "rs0", databases: ["surg"], exclude: [], users: "included", isLatest: true },
    verification: { ok: true, level: "full", verifiedAt: "2026-11-23T01:01:00.000Z" },
    expiresOn: "2027-02-23",
    problem: null,
  };
  const unreadable: ListedBackup = {
    ...good,
    ...{ id: "2026-11-22_02-00-00", state: "unreadable", type: null, createdAt: null, tier: [] },
    ...{ totals: null, verification: null, expiresOn: null },
    ...{ server: null, databases: null, users: null, isLatest: false },
  };
  const [head, first, second] = (formatList({ backups: [good, unreadable] }, view)).split("\n"); // prettier-ignore
  assert.match(head ?? "", /backup +age +size +documents +type +state +until$/);
  assert.match(first ?? "", new RegExp(`^ *${ID} +← latest +7 h 00 min +34\\.5 MB +12,345 +automatic, weekly +good \\(full\\) +2027-02-23$`)); // prettier-ignore
  assert.match(second ?? "", /2026-11-22_02-00-00 +\? +\? +\? +\? +unreadable +kept$/);
  // Of another server, not whole, with a long note: at 80 columns no line is longer, and no word is broken.
  const other: ListedBackup = {
    ...good,
    ...{ id: "2026-11-21_02-00-00", isLatest: false, server: "staging", exclude: ["surg.audit"] },
    ...{ users: "not included", note: "before the migration of all patients to the new ward" },
  };
  const backups = [good, other, unreadable];
  const wide = formatList({ backups }, view);
  assert.match(wide, /rs0: surg +2027-02-23/);
  assert.match(
    wide,
    /staging: surg +2027-02-23 +without surg\.audit, users; before the migration of all/,
  );
  for (const columns of [60, 80, 100, 120]) {
    const lines = formatList({ backups }, { ...view, columns }).split("\n");
    for (const line of lines) assert.ok(line.length <= Math.max(columns, 75), line);
    assert.match(lines[1] ?? "", /^ {2}2026-11-23_02-00-00 {2}← latest .*good \(full\)/);
    assert.match(lines[2] ?? "", /staging: surg/);
  }
});

test("an empty list says what to do", () => {
  assert.match(formatList({ backups: [] }, view), /mongokeep backup/);
});

test("cleanup gives each backup with its reason; a dry run says that it is one", () => {
  const decisions = [{ id: ID, action: "delete", reason: "deleted: older than 30 days" }] as const;
  const result = { ok: true, dryRun: true, decisions, alerts: [], freedBytes: 2e6 } as const;
  const text = formatCleanup(result, view);
  assert.match(text, /delete +2026-11-23_02-00-00 +older than 30 days/);
  assert.match(text, /0 kept, 1 to be deleted, 2 MB to be freed \(dry run: nothing was changed\)$/);
});

test("doctor puts the way to mend it below each finding", () => {
  const checks = [
    { name: "disk", state: "ok", message: "1 GB free", hint: "" },
    { name: "server", state: "fail", message: "no answer", hint: "Start it." },
  ] as const;
  assert.equal(
    formatDoctor({ ok: false, checks }, view),
    [
      "ok    disk    1 GB free",
      "fail  server  no answer",
      "              Start it.",
      "1 failed, 0 warnings",
    ].join("\n"),
  );
});

test("a schedule that is removed says from where", () => {
  assert.equal(formatSchedule({ ok: true, removed: ["cron"] }, view), "removed from cron");
  assert.equal(formatSchedule({ ok: true, removed: [] }, view), "no schedule was installed");
});

test("status names a drill that failed, beside the one that passed or none", () => {
  const base = {
    ...{ ok: true, problems: [], notes: [], lastGood: null, lock: null, nextRun: null },
    ...{ schedule: null, trend: null, lastRestoreAt: null, lastDrill: null, lastDrillFailed: null },
    disk: { path: "/b", freeBytes: 1, warnBelowBytes: 0, abortBelowBytes: 0 },
    backups: { good: 0, all: 0, storedBytes: 0 },
  } as const;
  const drill = (id: string) => ({
    id,
    at: "2026-11-23T07:00:00.000Z",
    daysAgo: 0,
    restoreSeconds: 95,
  });
  assert.match(formatStatus(base, view), /last drill +never\n/);
  const failed = { ...base, lastDrillFailed: drill("d2") };
  assert.match(formatStatus(failed, view), /last drill +d2 FAILED \(.*\); none has passed\n/);
  assert.match(formatStatus({ ...failed, lastDrill: drill("d1") }, view), /d2 FAILED .*; d1 passed/); // prettier-ignore
  // How long a restore takes, and how much could be lost.
  assert.match(formatStatus(base, view), /a restore +takes an unknown time: mongokeep drill/);
  assert.match(formatStatus(base, view), /could be lost +everything: there is no good backup\n/);
  const lastGood = { id: ID, createdAt: "2026-11-23T01:00:00.000Z", ageSeconds: 1, documents: 1, storedBytes: 1 }; // prettier-ignore
  const measured = formatStatus({ ...base, lastDrill: drill("d1"), lastGood }, view);
  assert.match(measured, /a restore +takes about 1 min 35 s \(drill d1\)/);
  assert.match(measured, /could be lost +what was written since 2026-11-23 02:00, /);
});

test("what a drill found fits a terminal, and breaks between words only", () => {
  const collections = [
    { namespace: "surg.patients", equal: true, documents: { backup: 25_190, restored: 25_190 } },
  ];
  const checks = [
    {
      name: "the newest patient",
      check: "surg.patients.findOne() exists",
      found: "a ".repeat(60),
      ok: true,
    },
  ];
  const found = { ok: true, backup: "2026-11-26_05-28-32", collections, checks, problems: [] };
  const result = { ...found, seconds: 3.1, report: "/b/report.html" } as unknown as DrillResult;
  const view = { style: PLAIN, zone: "UTC", nowMs: 0, columns: 80 };
  const text = formatDrill(result, view);
  for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
  assert.match(
    text,
    /^the drill passed: 2026-11-26_05-28-32 restores\n {2}compared +25,190 documents in 1 collection, all as in the backup\n/,
  );
  const failed = formatDrill({ ...result, ok: false, collections: [] }, view);
  assert.doesNotMatch(failed, /compared/, "nothing was compared");
});
