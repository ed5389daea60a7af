// How each verb of a restore begins: its warnings are collected, and if it changes something it holds the lock of the
// backup folder, which is also the place for its record and its safety backup.
import { KeepError } from "../../errors.ts";
import { beginAttempt } from "../../restore/record/attempt.ts";
import { openBackupDir } from "../../storage/backup-dir.ts";
import { guardGit } from "../../storage/git-guard.ts";
import { collectWarnings } from "../collect-warnings.ts";
import type { JobContext } from "../context.ts";
import { holdFolder } from "../hold-folder.ts";
import type { HeldFolder } from "../hold-folder.ts";

/** A verb at work. Its end lets go of the lock. */
export interface VerbRun extends AsyncDisposable {
  readonly context: JobContext;
  /** All that were emitted so far, for the result. */
  readonly warnings: readonly string[];
}

/** `lock` null: a plan changes nothing, and needs none. @throws KeepError locked, backup-dir */
export async function beginVerb(
  outer: JobContext,
  lock: ((context: JobContext) => Promise<HeldFolder>) | null,
): Promise<VerbRun> {
  const warnings: string[] = [];
  const unlocked = { ...outer, emit: collectWarnings(outer.emit, warnings) };
  const held = lock && (await lock(unlocked));
  return {
    context: held?.context ?? unlocked,
    warnings,
    [Symbol.asyncDispose]: async () => {
      await held?.[Symbol.asyncDispose]();
    },
  };
}

/** @throws KeepError locked, backup-dir */
export async function lockRestores(context: JobContext, command: string): Promise<HeldFolder> {
  const root = context.settings.backupDir;
  await openBackupDir(root);
  await guardGit(root);
  return await holdFolder(context, { command, waitMs: 0 });
}

/** Also notes that a restore begins: until it has a record of its own, it counts as one that failed. */
export async function lockAttempt(context: JobContext): Promise<HeldFolder> {
  // A disk that does not take the note takes no record either, and what needs none must not fail for it.
  const note = () => beginAttempt(context.settings.backupDir, context.clock).catch(() => undefined);
  const lock = await lockRestores(context, "restore").catch(async (error: unknown) => {
    if (error instanceof KeepError && error.code === "locked") await note();
    throw error;
  });
  await note();
  return lock;
}
