// Which restore a rollback without an id undoes: the newest one, and only if it is in effect. Pure.
import { KeepError } from "../../errors.ts";
import {
  wasInterruptedUntouched,
  isApplied,
  wasLeftStopped,
} from "../../restore/record/record-state.ts";
import type { StoredRecord } from "../../restore/record/record.ts";
import { unreadableError } from "../../restore/record/read-record.ts";
import type { Records } from "../../restore/record/read-record.ts";

/**
 * `attempt`: when a restore began after all of these, and failed before it had a record; null: none did.
 * @throws KeepError failed (exit 1): there is nothing to undo
 */
export function chooseRollback(
  { records, unreadable }: Pick<Records, "records" | "unreadable">,
  attempt: string | null,
): StoredRecord {
  // A rollback that changed nothing leaves the restore in effect that it was to undo.
  const newest = records.find((r) => r.recorded.rollbackOf === null || mayHaveChanged(r));
  const [unclear] = unreadable;
  if (unclear && unclear.id > (newest?.id ?? "")) throw unreadableError(unclear);
  if (attempt !== null && newest?.state !== "broken")
    throw nothing("the newest restore failed before it changed anything", records);
  if (!newest) throw nothing("no restore has been made", records);
  const { state, recorded, id } = newest;
  if (state === "broken") return newest.swap === null ? undoneBy(newest, records) : newest;
  if (wasInterruptedUntouched(newest) || wasLeftStopped(newest)) return newest;
  if (recorded.rollbackOf !== null && isApplied(state))
    throw new KeepError(
      "failed",
      `there is nothing to undo: the restore ${recorded.rollbackOf} has been undone by the rollback ${id}`,
      {
        hint: `To undo that rollback, name it: mongokeep rollback ${id}`,
      },
    );
  if (isApplied(state)) return newest;
  const why = state === "undone" ? "has been undone already" : "failed before it changed anything";
  throw nothing(`the newest restore, ${id}, ${why}`, records);
}

const mayHaveChanged = (record: StoredRecord) =>
  isApplied(record.state) ||
  record.state === "broken" ||
  wasInterruptedUntouched(record) ||
  wasLeftStopped(record);

/** An interrupted rollback in place starts again: its restore is what is undone. */
function undoneBy(rollback: StoredRecord, records: readonly StoredRecord[]): StoredRecord {
  const { rollbackOf } = rollback.recorded;
  return records.find((r) => rollbackOf !== null && r.id === rollbackOf) ?? rollback;
}

function nothing(why: string, records: readonly StoredRecord[]): KeepError {
  const inEffect = records.find((r) => isApplied(r.state));
  const hint = inEffect
    ? `An earlier restore is in effect. To undo that one, name it: mongokeep rollback ${inEffect.id}`
    : "Each restore leaves a record in the folder restores/ of the backup folder; none of them is in effect.";
  return new KeepError("failed", `there is nothing to undo: ${why}`, { hint });
}
