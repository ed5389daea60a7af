// The records of restores as jobs read them: what cannot be read is reported, and blocks only what concerns it.
import { warn } from "../../events.ts";
import { mayBeOpen } from "../../restore/record/record-state.ts";
import { readRecords } from "../../restore/record/read-record.ts";
import type { Records, UnreadableRecord } from "../../restore/record/read-record.ts";
import type { JobContext } from "../context.ts";

/** All restores; warns of each file that is passed over. */
export async function readRestores({
  settings,
  emit,
}: Pick<JobContext, "settings" | "emit">): Promise<Records> {
  const found = await readRecords(settings.backupDir);
  for (const one of found.unreadable) warn(emit, "record-unreadable", messageOf(one));
  for (const message of found.passedOver) warn(emit, "record-unreadable", message);
  return found;
}

const messageOf = ({ id, file, problem }: UnreadableRecord) =>
  `the record of the restore ${id} cannot be read, and is passed over: ${file} ${problem}`;

/**
 * Whether a restore whose record cannot be read may need what the restore `id` keeps beside the live data: it may be
 * a rollback of it that was interrupted.
 */
export function mayBeNeeded(unreadable: readonly UnreadableRecord[], id: string): boolean {
  return unreadable.some((one) => one.id >= id && mayBeOpen(one));
}
