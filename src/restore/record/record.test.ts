import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { listRecords } from "./read-record.ts";
import { reopenRecord } from "./record-file.ts";
import { stateOf } from "./record-state.ts";
import type { StoredRecord, JournalEntry } from "./record.ts";

/** A journal of lines like "swap begin". */
const journal = (...lines: string[]) =>
  lines.map((line) => {
    const [step, state] = line.split(" ");
    return { at: "2026-11-23T02:00:00.000Z", step, state } as JournalEntry;
  });
const CHANGED = ["live-change begin", "swap begin", "swap done", "live-change done"];

test("the last word of a journal says what became of the live data", () => {
  const cases: [string, string[]][] = [
    ["untouched", ["stage begin", "stage done"]],
    ["untouched", ["stage begin", "end failed"]],
    ["broken", ["live-change begin"]],
    ["broken", ["live-change begin", "swap begin", "undo begin", "undo failed", "end failed"]],
    ["unfinished", CHANGED],
    ["unfinished", [...CHANGED, "start-service done"]],
    ["finished", [...CHANGED, "end done"]],
    ["undone", ["live-change begin", "undo begin", "undo done", "end failed"]],
  ];
  for (const [state, lines] of cases) assert.equal(stateOf(journal(...lines)), state, lines.join());
});

test("an undo that began after the whole change, and did not end, left the data between two states", () => {
  assert.equal(stateOf(journal(...CHANGED, "undo begin")), "broken");
  assert.equal(stateOf(journal(...CHANGED, "undo begin", "undo failed", "end failed")), "broken");
  assert.equal(stateOf(journal(...CHANGED, "undo begin", "undo done", "end failed")), "undone");
});

test("a restore that was resumed after its undo had failed is whole again", () => {
  const died = ["live-change begin", "undo begin", "undo failed", "end failed"];
  assert.equal(stateOf(journal(...died, "live-change done")), "unfinished");
  assert.equal(stateOf(journal(...died, "live-change done", "end done")), "finished");
});

test("a rename in the journal tells of a change though the line that announced it is lost", () => {
  assert.equal(stateOf(journal("stage done", "swap begin")), "broken");
});

test("a FIFO in the place of the log is no log, and is not waited for", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "mk-record-"));
  t.after(() => rm(root, { recursive: true }));
  execFileSync("mkfifo", [join(root, "restore.log")]);
  const stored = { path: root, recorded: { id: "" } } as StoredRecord;
  await assert.rejects(reopenRecord(stored, { now: () => 0 }), { code: "backup-dir" });
});

test("a file in the place of the folder of restores hides no backup from who only lists", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "mk-record-"));
  t.after(() => rm(root, { recursive: true }));
  await writeFile(join(root, "restores"), "");
  assert.deepEqual(await listRecords(root), []);
});
