// The folder that backups lie in: private, owned by this user, reached without detours, kept out of git.
import { constants } from "node:fs";
import { access, chmod, lstat, mkdir, readdir, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { KeepError } from "../errors.ts";
import { PRIVATE_FOLDER, syncFolder, writeNewFile } from "../util/durable-file.ts";

/** Makes, or checks and mends, BACKUP_DIR. Call before the first write of a run. @throws KeepError backup-dir */
export async function openBackupDir(path: string): Promise<void> {
  try {
    await makeMissing(path);
    await requireOwnFolder(path);
    await requireSafeParents(path);
    await makePrivate(path);
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    await requireNoLinkInside(path);
    await hideFromGit(path);
  } catch (error) {
    throw error instanceof KeepError ? error : systemProblem(path, error);
  }
}

async function makeMissing(path: string): Promise<void> {
  const missing: string[] = [];
  for (let at = path; !(await exists(at)); at = dirname(at)) missing.unshift(at);
  for (const folder of missing) {
    try {
      await mkdir(folder, { mode: PRIVATE_FOLDER });
    } catch (error) {
      // Another run made it in the same moment: it is checked like one that was there.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      continue;
    }
    await chmod(folder, PRIVATE_FOLDER);
    await syncFolder(dirname(folder));
  }
}

/** Whether something lies there, be it a dangling link. */
async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

async function requireOwnFolder(path: string): Promise<void> {
  const found = await lstat(path);
  if (found.isSymbolicLink()) {
    throw refused(
      `backup folder ${path} is a symbolic link`,
      `Set BACKUP_DIR to what it points to.`,
    );
  }
  if (!found.isDirectory()) throw refused(`backup folder ${path} is not a folder`);
  const user = process.getuid?.();
  if (user !== undefined && found.uid !== user) {
    throw refused(
      `backup folder ${path} belongs to another user (${found.uid}, this is ${user})`,
      "Run mongokeep as its owner, or choose another BACKUP_DIR.",
    );
  }
}

/** Whoever may rename a folder on the way could put another one in its place. */
async function requireSafeParents(path: string): Promise<void> {
  let at = dirname(await realpath(path));
  for (;;) {
    const { mode } = await stat(at);
    if ((mode & 0o002) !== 0 && (mode & 0o1000) === 0) {
      throw refused(
        `everyone may write to ${at}, which backup folder ${path} lies in`,
        `Take that right away (chmod o-w ${at}), or choose another BACKUP_DIR.`,
      );
    }
    if (at === dirname(at)) return;
    at = dirname(at);
  }
}

/** What a folder of ours may hold; anything else means that the folder serves others too. */
const OURS = /^(?:\..*|\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d.*|restores|drills|lost\+found)$/;

async function makePrivate(path: string): Promise<void> {
  const { mode } = await lstat(path);
  if ((mode & 0o077) === 0 && (mode & 0o1000) === 0) return;
  const foreign = (await readdir(path)).find((name) => !OURS.test(name));
  // chmod 700 on /tmp or on somebody's project would break more than it mends.
  if (foreign !== undefined || (mode & 0o1000) !== 0) {
    const why =
      foreign === undefined ? "" : `, and holds other things (${JSON.stringify(foreign)})`;
    throw refused(
      `other users may open backup folder ${path}${why}`,
      `Choose a BACKUP_DIR for backups alone, or make this one private: chmod 700 ${path}`,
    );
  }
  await chmod(path, PRIVATE_FOLDER);
}

/** What is written to by name must not lead elsewhere. */
async function requireNoLinkInside(path: string): Promise<void> {
  for (const name of ["restores", "drills", ".gitignore", ".lock"]) {
    const inside = join(path, name);
    if (!(await exists(inside)) || !(await lstat(inside)).isSymbolicLink()) continue;
    throw refused(
      `${inside} is a symbolic link`,
      "Take it away: mongokeep follows no links there.",
    );
  }
}

async function hideFromGit(path: string): Promise<void> {
  if (await exists(join(path, ".git"))) {
    throw new KeepError("backup-in-git", `backup folder ${path} is itself a git repository`, {
      hint: "Choose a folder for backups alone as BACKUP_DIR.",
    });
  }
  if (await exists(join(path, ".gitignore"))) return;
  try {
    await writeNewFile(join(path, ".gitignore"), "*\n");
    await syncFolder(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    // Another run wrote it in the same moment.
  }
}

function refused(message: string, hint?: string): KeepError {
  return new KeepError("backup-dir", message, hint === undefined ? {} : { hint });
}

function systemProblem(path: string, error: unknown): KeepError {
  const { code = "unknown" } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new KeepError("disk-full", `no space left for backup folder ${path}`, { cause: error });
  }
  const why: Readonly<Record<string, string>> = {
    EACCES: "this user may not write to it",
    EPERM: "this user may not write to it",
    EROFS: "its file system is read-only",
    ENOTDIR: "a file lies in its way",
    ELOOP: "its symbolic links run in a circle",
    ENAMETOOLONG: "its name is too long",
  };
  return new KeepError("backup-dir", `cannot use backup folder ${path}: ${why[code] ?? code}`, {
    cause: error,
  });
}
