// A restore that fails before it has a record (a damaged backup, no connection, a wrong name) leaves a trace all the
// same: `restores/attempt`. What must stay true: after `restore || rollback` the rollback never undoes an earlier one.
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../util/clock.ts";
import { PRIVATE_FOLDER, replaceFile, syncFolder } from "../../util/durable-file.ts";
import { restoresFolder } from "./record-file.ts";

const ATTEMPT_FILE = "attempt";

/** Call before a restore does anything; the record that it makes or takes up again ends it (endAttempt). */
export async function beginAttempt(root: string, clock: Clock): Promise<void> {
  await mkdir(restoresFolder(root), { mode: PRIVATE_FOLDER, recursive: true });
  await replaceFile(join(restoresFolder(root), ATTEMPT_FILE), `${isoOf(clock)}\n`);
}

const isoOf = (clock: Clock) => new Date(clock.now()).toISOString();

/** The restore has a record, which says more. What cannot be removed makes a rollback ask for an id. */
export async function endAttempt(root: string): Promise<void> {
  const folder = restoresFolder(root);
  try {
    await rm(join(folder, ATTEMPT_FILE));
    await syncFolder(folder);
  } catch (error) {
    if (!(error instanceof Error && "syscall" in error)) throw error;
  }
}

/** When the newest restore began that has no record; null: the newest one has a record. */
export async function readAttempt(root: string): Promise<string | null> {
  try {
    return (await readFile(join(restoresFolder(root), ATTEMPT_FILE), "utf8")).trim();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return null;
    // It is there: what it says matters less.
    return "";
  }
}
