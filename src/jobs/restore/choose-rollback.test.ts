// Which restore a rollback without an id undoes, for every end that a restore can come to.
import assert from "node:assert/strict";
import { test } from "node:test";
import { settle, stateOf } from "../../restore/record/record-state.ts";
import type { JournalEntry, StoredRecord } from "../../restore/record/record.ts";
import type { UnreadableRecord } from "../../restore/record/read-record.ts";
import { chooseRollback } from "./choose-rollback.ts";

const id = (day: number) => `2026-11-0${day}_02-00-00`;
const ENDS = {
  finished: ["live-change begin", "live-change done", "end done"],
  unfinished: ["live-change begin", "live-change done"],
  undone: ["live-change begin", "undo begin", "undo done", "end failed"],
  broken: ["live-change begin", "undo begin", "undo failed", "end failed"],
  "failed before": ["stage begin", "end failed"],
  interrupted: ["stage begin"],
  "left stopped": ["stop-service begin", "live-change begin", "undo begin", "undo done"],
  cleared: ["stage begin", "undo begin", "undo done", "end done"],
} as const;
type End = keyof typeof ENDS;

function record(day: number, end: End, rollbackOf: number | null = null): StoredRecord {
  const entries = ENDS[end].map((text): JournalEntry => {
    const [step, state] = text.split(" ") as [JournalEntry["step"], JournalEntry["state"]];
    return { at: "", step, state };
  });
  const recorded = { id: id(day), rollbackOf: rollbackOf === null ? null : id(rollbackOf) };
  return { id: id(day), recorded, entries, swap: [], state: stateOf(entries) } as unknown as StoredRecord; // prettier-ignore
}

/** Given oldest first. */
function choose(records: StoredRecord[], attempt: string | null = null, ...unreadable: unknown[]) {
  const all = { records: settle([...records].reverse()), unreadable };
  return chooseRollback(all as Parameters<typeof chooseRollback>[0], attempt).id;
}

const nothing = (message: RegExp, hint: RegExp) => ({ code: "failed", exitCode: 1, message, hint });

test("the newest restore is undone where it is in effect, or was interrupted", () => {
  for (const end of ["finished", "unfinished", "broken", "interrupted", "left stopped"] as const)
    assert.equal(choose([record(1, "finished"), record(2, end)]), id(2), end);
});

test("where the newest restore is not in effect there is nothing to undo, and the one before it has to be named", () => {
  for (const end of ["undone", "failed before", "cleared"] as const)
    assert.throws(
      () => choose([record(1, "finished"), record(2, end)]),
      nothing(/^there is nothing to undo: the newest restore, 2026-11-02/, /rollback 2026-11-01_02-00-00$/),
      end,
    ); // prettier-ignore
  assert.throws(() => choose([]), nothing(/no restore has been made/, /folder restores/));
});

test("a restore that failed before it had a record counts as the newest, unless live data is between two states", () => {
  const at = "2026-11-09T02:00:00.000Z";
  for (const end of ["finished", "interrupted"] as const)
    assert.throws(() => choose([record(1, end)], at), nothing(/failed before it changed/, /./));
  assert.equal(choose([record(1, "broken")], at), id(1));
});

test("a rollback is undone by its id only, and one that changed nothing leaves its restore to be undone", () => {
  const first = record(1, "finished");
  assert.throws(
    () => choose([first, record(2, "finished", 1)]),
    nothing(/2026-11-01_02-00-00 has been undone by the rollback/, /rollback 2026-11-02_02-00-00/),
  );
  for (const end of ["undone", "failed before", "cleared"] as const)
    assert.equal(choose([first, record(2, end, 1)]), id(1), end);
  assert.equal(choose([first, record(2, "broken", 1)]), id(2), "what it swapped goes back first");
  const inPlace = { ...record(2, "broken", 1), swap: null };
  assert.equal(choose([first, inPlace]), id(1), "it starts again");
  assert.throws(
    () => choose([first, record(2, "finished", 1), record(3, "finished", 2)]),
    nothing(/has been undone by the rollback 2026-11-03/, /rollback 2026-11-03/),
  );
});

test("a newer restore whose record cannot be read has to be looked at first", () => {
  const unreadable = (day: number) =>
    ({ id: id(day), file: "/plan.json", problem: "is not JSON", entries: null }) as UnreadableRecord; // prettier-ignore
  assert.throws(() => choose([record(1, "finished")], null, unreadable(2)), { code: "failed", message: /plan\.json is not JSON/ }); // prettier-ignore
  assert.equal(choose([record(2, "finished")], null, unreadable(1)), id(2));
});
