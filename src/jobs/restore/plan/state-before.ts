// Opens the state from before a restore. What the restore replaced in place was backed up again when the service had
// stopped. That later backup counts for what it holds: the safety backup lacks what was written in between.
import { join } from "node:path";
import type { OpenedBackup } from "../../../archive/opened.ts";
import { openBackup } from "../../../archive/reader.ts";
import { protectedBy } from "../../../restore/record/record-state.ts";
import type { StoredRecord } from "../../../restore/record/record.ts";
import type { JobContext } from "../../context.ts";

type Context = Pick<JobContext, "settings" | "place">;
type Undone = Pick<StoredRecord, "entries">;

/** The backup of what a restore replaced in place; null: there is none. */
export const openInPlace = (context: Context, { entries }: Undone) =>
  openById(context, protectedBy(entries, "in-place"));

/** The safety backup of a restore, with what its later backup holds in place of the older; null: it has neither. */
export async function openStateBefore(context: Context, undone: Undone) {
  const safetyBackup = await openById(context, protectedBy(undone.entries));
  const later = await openInPlace(context, undone);
  return safetyBackup && later ? preferring(safetyBackup, later) : (safetyBackup ?? later);
}

async function openById(
  { settings, place }: Context,
  id: string | null,
): Promise<OpenedBackup | null> {
  return id === null ? null : await openBackup(join(settings.backupDir, id), place);
}

/** Pure. Collections name their files by absolute paths, so that they may be of two folders. */
function preferring(older: OpenedBackup, later: OpenedBackup): OpenedBackup {
  const nameOf = ({ database, name }: OpenedBackup["collections"][number]) => `${database}.${name}`;
  const held = new Set(later.collections.map(nameOf));
  const rest = older.collections.filter((one) => !held.has(nameOf(one)));
  return { ...older, collections: [...rest, ...later.collections] };
}
