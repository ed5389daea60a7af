// The log of scheduled runs. mongokeep only creates it, private, before cron's shell opens it.
import { constants } from "node:fs";
import { mkdir, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { KeepError } from "../errors.ts";
import { PRIVATE_FILE, PRIVATE_FOLDER } from "../util/durable-file.ts";

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;

/**
 * Creates the log's folder (0700; an existing one, such as /var/log, is not changed) and the file (0600, also if it
 * exists). Throws bad-setting if that is impossible, or the path is not an ordinary file.
 */
export async function makeLogFile(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: PRIVATE_FOLDER });
    // Without O_NONBLOCK, a FIFO instead of the file would block here forever.
    const flags = O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_WRONLY;
    await using file = await open(path, flags, PRIVATE_FILE);
    if (!(await file.stat()).isFile()) throw new Error("not an ordinary file");
    await file.chmod(PRIVATE_FILE);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new KeepError("bad-setting", `BACKUP_LOG cannot be written: ${why}`, {
      hint: "Name a file in a folder of this user's own, for instance ~/.tmp/backup.log.",
      cause,
    });
  }
}

/** Time of the last write to the log; null if it is missing or empty. */
export async function lastLogTime(path: string): Promise<number | null> {
  const found = await stat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  });
  return found && found.size > 0 ? Math.floor(found.mtimeMs) : null;
}
