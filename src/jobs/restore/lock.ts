// The lock under which restores run: a restore needs a place for its record and its safety backup, and no other run.
import { KeepError } from "../../errors.ts";
import { beginAttempt } from "../../restore/record/attempt.ts";
import { openBackupDir } from "../../storage/backup-dir.ts";
import { guardGit } from "../../storage/git-guard.ts";
import type { JobContext } from "../context.ts";
import { holdFolder } from "../hold-folder.ts";
import type { HeldFolder } from "../hold-folder.ts";

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
