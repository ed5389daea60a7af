import assert from "node:assert/strict";
import { test } from "node:test";
import type { CatalogEntry } from "../../archive/catalog.ts";
import type { JournalEntry, StoredRecord } from "../../restore/record/record.ts";
import { stateOf } from "../../restore/record/record-state.ts";
import type { UnreadableRecord } from "../../restore/record/read-record.ts";
import { groupOf, pinsOf, pinsOfUnreadable, toRetentionItem } from "./retention-items.ts";

const BEFORE = "2026-11-20_10-00-00";

/** A restore of 2026-11-19_02-00-00 that is protected by BEFORE, as its journal tells it. */
function record(id: string, steps: string[], rollbackOf: string | null = null): StoredRecord {
  const entries = ["protect done", ...steps].map((text): JournalEntry => {
    const [step, state] = text.split(" ") as [JournalEntry["step"], JournalEntry["state"]];
    return { at: "", step, state, ...(step === "protect" ? { backup: BEFORE } : {}) };
  });
  const recorded = { id, rollbackOf, plan: { backup: "2026-11-19_02-00-00" } };
  return { id, path: "", recorded, entries, state: stateOf(entries) } as unknown as StoredRecord;
}

const BROKEN = record("1", ["live-change begin", "end failed"]);
const DEAD = record("1", []);
const DONE = ["live-change begin", "live-change done", "end done"];

test("a restore that is not over pins what it loads and what it can go back to", () => {
  for (const open of [BROKEN, DEAD])
    assert.deepEqual([...pinsOf([open]).keys()].sort(), ["2026-11-19_02-00-00", BEFORE]);
  assert.match(pinsOf([BROKEN]).get(BEFORE) ?? "", /the restore 1 is not over/);
});

test("a restore that is over pins nothing", () => {
  const over = [
    record("1", DONE),
    record("2", ["live-change begin", "undo done", "end failed"]),
    record("3", ["end failed"]),
  ];
  assert.equal(pinsOf(over).size, 0);
});

test("a broken restore pins until a rollback took it back", () => {
  assert.equal(pinsOf([record("2", DONE, "1"), BROKEN]).size, 0);
  assert.equal(pinsOf([record("2", ["live-change begin"], "1"), BROKEN]).size, 2);
  assert.equal(pinsOf([record("2", DONE, "another"), BROKEN]).size, 2);
});

test("an interrupted rollback pins both backups of what it undoes", () => {
  const later = {
    at: "",
    step: "protect",
    state: "done",
    scope: "in-place",
    backup: "later",
  } as const;
  const done = record("1", DONE);
  const undone = { ...done, entries: [...done.entries, later] };
  const pins = pinsOf([record("2", ["live-change begin"], "1"), undone]);
  assert.deepEqual([...pins.keys()].sort(), ["2026-11-19_02-00-00", BEFORE, "later"]);
});

const entry = (id: string, state: CatalogEntry["state"]): CatalogEntry => ({
  ...{ id, state, path: `/b/${id}`, manifest: null, verification: null, problem: null },
});

test("a folder set aside is dated by its name in the zone; a name that is no date by nothing", () => {
  const dateOf = (id: string) =>
    toRetentionItem(entry(id, "damaged"), new Map(), "Europe/Berlin")?.createdAtMs;
  assert.equal(dateOf("2026-11-22_02-00-00.damaged"), Date.parse("2026-11-22T01:00:00Z"));
  assert.ok(Number.isNaN(dateOf("2026-99-99_99-99-99.damaged")));
});

test("only what has no manifest counts as set aside, and a run that is not over as nothing", () => {
  const stateFor = (state: CatalogEntry["state"]) =>
    toRetentionItem(entry("2026-11-22_02-00-00", state), new Map(), "UTC")?.state;
  assert.equal(stateFor("damaged"), "damaged-folder");
  assert.equal(stateFor("unreadable"), "unreadable");
  assert.equal(stateFor("partial"), undefined);
});

test("server, databases and exclusions make the group, hosts and the order of names do not", () => {
  const scope = { server: "rs0", hosts: ["a:1"], databases: ["x", "y"], exclude: [] };
  const group = groupOf(scope);
  assert.equal(groupOf({ ...scope, hosts: ["b:2"], databases: ["y", "x"] }), group);
  for (const change of [{ server: "rs1" }, { databases: null }, { exclude: ["x.a"] }])
    assert.notEqual(groupOf({ ...scope, ...change }), group);
});

test("a restore whose record cannot be read pins what it names, its safety backup, or all before it", () => {
  const id = "2026-11-22_02-00-00";
  const at = "2026-11-22T02:00:00.000Z";
  const one = { id, path: "", file: "/b/plan.json", problem: "is not JSON", entries: null };
  const note = { manifest: { note: `before restore ${id}` } } as unknown as CatalogEntry;
  const entries = [
    { ...entry("2026-11-23_02-00-00", "good"), manifest: note.manifest },
    entry("2026-11-24_02-00-00", "good"),
    entry(id, "good"),
    entry("2026-11-19_02-00-00", "good"),
  ];
  const pinned = (change: Partial<UnreadableRecord>) =>
    pinsOfUnreadable({ ...one, backups: null, ...change }, entries).map(([name]) => name);
  assert.deepEqual(pinned({}), ["2026-11-23_02-00-00", id, "2026-11-19_02-00-00"]);
  assert.deepEqual(pinned({ backups: ["2026-11-19_02-00-00"] }), ["2026-11-23_02-00-00", "2026-11-19_02-00-00"]); // prettier-ignore
  assert.deepEqual(pinned({ entries: [{ at, step: "end", state: "failed" }] }), []);
});
