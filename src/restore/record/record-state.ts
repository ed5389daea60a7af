// What the journal of a restore says of it: whether its data is live, whether it is over, and what it still needs. Pure,
// and the only place that knows these rules.
import type { JournalEntry, RestoreState, Step, StoredRecord } from "./record.ts";

/** The live data is what the plan said. */
export const isApplied = (state: RestoreState) => state === "finished" || state === "unfinished";

/**
 * What a finished rollback took back needs nobody any more, nor do earlier tries to take it back. A rollback
 * that was itself undone counts for nothing. `records` newest first. Pure.
 */
export function settle(records: readonly StoredRecord[]): StoredRecord[] {
  const takenBack = new Set<string>();
  return records.map((r) => {
    const { rollbackOf } = r.recorded;
    const brokenTry = r.state === "broken" && takenBack.has(rollbackOf ?? "");
    if (takenBack.has(r.id) || brokenTry) return { ...r, state: "rolled-back" };
    if (isApplied(r.state) && rollbackOf !== null) takenBack.add(rollbackOf);
    return r;
  });
}

/** Whether it is neither finished nor undone: what it retained and staged is needed still. */
export const isBetween = ({ state }: StoredRecord) => state === "broken" || state === "unfinished";

/**
 * The names under which restores that are between two states find what they need: a rollback needs what the
 * restore before it retained.
 */
export function neededBy(records: readonly StoredRecord[]): Set<string> {
  const items = records.filter(isBetween).flatMap((r) => r.swap ?? []);
  return new Set(
    items.flatMap(({ database, old, new: next }) =>
      [old, next].flatMap((s) => (s.kind === "collection" ? [`${database}.${s.parked}`] : [])),
    ),
  );
}

/** What the journal says of the live data: its last word, for a resumed restore changes and undoes again. Pure. */
export function stateOf(entries: readonly JournalEntry[]): RestoreState {
  const last = (step: Step, ...states: readonly JournalEntry["state"][]) =>
    entries.findLastIndex((e) => e.step === step && states.includes(e.state));
  const changed = last("live-change", "done");
  const undone = last("undo", "done");
  // A rename is told even where the line that announced the whole change cannot be read any more.
  if (last("live-change", "begin", "done") < 0 && last("swap", "begin", "done") < 0)
    return "untouched";
  if (undone > changed) return "undone";
  if (changed < 0 || last("undo", "begin") > changed) return "broken";
  return last("end", "done", "failed") > changed ? "finished" : "unfinished";
}

/** Whether the run itself said how it ended; else it was interrupted, or runs still. */
export function hasEnded(entries: readonly JournalEntry[]): boolean {
  return entries.some((e) => e.step === "end");
}

/** The safety backup that protects the state before it; null where there was nothing to protect. */
export function protectedBy(
  entries: readonly JournalEntry[],
  scope?: JournalEntry["scope"],
): string | null {
  const last = entries.findLast(
    (e) => e.step === "protect" && e.state === "done" && e.scope === scope,
  );
  return last?.backup ?? null;
}

/** Whether the restore stopped the service, or was about to, and has not started it again. */
export function leftStopped(entries: readonly JournalEntry[]): boolean {
  const stopped = entries.findLastIndex((e) => e.step === "stop-service");
  const started = entries.findLastIndex((e) => e.step === "start-service" && e.state === "done");
  return stopped > started;
}

/** It was interrupted before the first live change: what it left beside the live data is of no use. */
export const wasInterruptedUntouched = ({ state, entries }: StoredRecord) =>
  state === "untouched" && !hasEnded(entries);

/** It was undone, and interrupted before it started the service that it had stopped. */
export const wasLeftStopped = ({ state, entries }: StoredRecord) =>
  state === "undone" && !hasEnded(entries) && leftStopped(entries);

/** Neither finished nor undone: it needs its backups, and somebody to end it. */
const isOpen = (record: StoredRecord) =>
  isBetween(record) || wasInterruptedUntouched(record) || wasLeftStopped(record);

const hasStarted = ({ entries }: StoredRecord) =>
  entries.some(({ step, state }) => step === "start-service" && state === "done");

/**
 * The open ones of these records, newest first, without those that a rollback in effect has undone, and those whose
 * service a later one has started.
 */
export function openRestores(records: readonly StoredRecord[]): StoredRecord[] {
  const applied = records.filter(({ state }) => isApplied(state));
  const undone = new Set(applied.map(({ recorded }) => recorded.rollbackOf));
  const isStarted = (one: StoredRecord, i: number) =>
    wasLeftStopped(one) && records.slice(0, i).some(hasStarted);
  return records.filter((one, i) => isOpen(one) && !isStarted(one, i) && !undone.has(one.id));
}

/** The same of a record that cannot be read, by what is left of its journal; null: nothing is. */
export function mayBeOpen({
  entries,
}: {
  readonly entries: readonly JournalEntry[] | null;
}): boolean {
  if (entries === null) return true;
  const state = stateOf(entries);
  return state === "broken" || state === "unfinished" || !hasEnded(entries);
}
