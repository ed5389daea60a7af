// Undoes what the phases of a restore did: the state from before it is live again. What must stay true: what one phase
// cannot undo keeps no other phase from being undone, and nothing is dropped while live data is between two states.
import { KeepError, toKeepError } from "../../../errors.ts";
import { bestEffort } from "../../../restore/record/record-file.ts";
import { explain } from "../../../restore/record/restore-log.ts";
import type { Transaction } from "./phase.ts";
import { BESIDE, LIVE } from "./phases.ts";

/** Undoes a restore that failed. Always throws: restore-undone if the old state is back, else restore-broken. */
export async function undoFailed(restore: Transaction, cause: KeepError): Promise<never> {
  const { context, record, found } = restore;
  const said = describe(cause);
  context.emit({ kind: "step", step: "undo", state: "begin", detail: cause.message });
  context.emit({ kind: "log", level: "error", code: "restore-failed", message: said });
  const ids = { restoreId: record.id, preRestoreBackup: found.safetyBackup };
  const details = { ...cause.details, ...ids };
  try {
    await undo(restore, cause.message);
  } catch (error) {
    const { message } = toKeepError(error);
    throw new KeepError(
      "restore-broken",
      `the restore failed (${cause.message}) and the old state is not back: ${message}`,
      { hint: hintFor(restore), details, cause },
    );
  }
  context.emit({ kind: "step", step: "undo", state: "end" });
  const message = wasStopped(cause) ? `${said}: the old state is back` : said;
  throw new KeepError("restore-undone", message, { details, cause });
}

/** Undoes a restore that was interrupted. @throws KeepError restore-broken */
export async function undoInterrupted(restore: Transaction): Promise<void> {
  const { context } = restore;
  context.emit({ kind: "step", step: "undo", state: "begin" });
  try {
    await undo(restore, "the restore was interrupted");
  } catch (error) {
    const cause = toKeepError(error);
    const details = { restoreId: restore.record.id };
    const message = `the old state is not back yet: ${cause.message}`;
    throw new KeepError("restore-broken", message, { hint: hintFor(restore), details, cause });
  }
  context.emit({ kind: "step", step: "undo", state: "end" });
}

/** The old state comes back even if the journal cannot be written. */
async function undo(given: Transaction, why: string): Promise<void> {
  const record = bestEffort(given.record, given.context.emit);
  // Closes the loader's connections, which ends what is still loading.
  given.found.ready?.[Symbol.dispose]();
  given.found.ready = null;
  await record.journal({ step: "undo", state: "begin", message: why });
  await record.log("undoing the restore: the state from before it comes back");
  try {
    await undoAll({ ...given, record });
  } catch (error) {
    const { message } = toKeepError(error);
    await record.journal({ step: "undo", state: "failed", message });
    await record.log(`the state from before is NOT back: ${message}`, explain(error));
    throw error;
  }
  await record.journal({ step: "undo", state: "done" });
  await record.log("the state from before is back");
}

async function undoAll(restore: Transaction): Promise<void> {
  const failures: KeepError[] = [];
  // The renames first: they are quick, and bring back most. No phase needs another one's names. A server that did
  // not answer one of them may answer the next.
  for (const phase of LIVE) {
    const failure = await phase.undo(restore).then(() => null, toKeepError);
    if (failure) failures.push(failure);
  }
  if (failures.every(isDifference))
    for (const phase of BESIDE.toReversed()) await phase.undo(restore);
  const [cause, ...others] = failures;
  if (!cause) return;
  if (others.length === 0) throw cause;
  const messages = new Set(failures.map(({ message }) => message));
  throw new KeepError(cause.code, [...messages].join("; "), { cause });
}

/** All that can come back is back, and the error names what differs. */
const isDifference = ({ details }: KeepError) => details.differences !== undefined;

const STOPS: readonly string[] = ["interrupted", "terminated", "hangup"];
const wasStopped = ({ code }: KeepError) => STOPS.includes(code);
const describe = (cause: KeepError) =>
  wasStopped(cause) ? `the restore was ${cause.message}` : `the restore failed: ${cause.message}`;

/** What a person does if the undo fails too. */
function hintFor({ order, record, found }: Transaction): string {
  const again = `After fixing the cause, run: mongokeep rollback ${record.id} --confirm`;
  if (order.plan.mode === "staged")
    return `The replaced data is still on the server: it is retained. ${again}`;
  return found.inPlaceBackup === null
    ? "There is no safety backup to go back to: restore the newest good backup."
    : `The old state is safe in the backup ${found.inPlaceBackup}. ${again}`;
}
