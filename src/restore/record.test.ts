import assert from "node:assert/strict";
import { test } from "node:test";
import { stateOf } from "./record.ts";
import type { JournalEntry } from "./record.ts";

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
