// The folder that backups lie in: private, owned by this user, reached without detours, kept out of git.
import { constants } from "node:fs";
import { access, chmod, lstat, mkdir, readdir, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { KeepError } from "../errors.ts";
import { PRIVATE_FOLDER, syncFolder } from "../util/durable-file.ts";
import { folderProblem } from "./folder-problem.ts";
import { hideFromGit } from "./git-ignore.ts";
import { requireMounted } from "./mounts.ts";
import { isForeignName } from "../util/foreign-files.ts";

/** Makes, or checks and mends, BACKUP_DIR. Call before the first write of a run. @throws KeepError backup-dir */
export async function openBackupDir(path: string): Promise<void> {
  try {
    await requireMounted(path);
    await makeMissing(path);
    await requireOwnFolder(path);
    await requireSafeParents(path);
    await makePrivate(path);
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    await requirePlainInside(path);
    await refuseRepository(path);
    await hideFromGit(path);
  } catch (error) {
    throw folderProblem(path, error);
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
  return (await lstat(path).catch(nullIfMissing)) !== null;
}

/** A folder of this user's, and no link to one. @throws KeepError backup-dir */
export async function requireOwnFolder(path: string): Promise<void> {
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
  const foreign = (await readdir(path)).find((name) => !OURS.test(name) && !isForeignName(name));
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

/** What lies inside by a name of ours: another kind leads elsewhere (a link), or is waited for (a FIFO). */
const FOLDERS = ["restores", "drills"];
const FILES = [".gitignore", ".lock"];

async function requirePlainInside(path: string): Promise<void> {
  for (const name of [...FOLDERS, ...FILES]) {
    const inside = join(path, name);
    // A lock may go at any moment.
    const found = await lstat(inside).catch(nullIfMissing);
    const isRight = FOLDERS.includes(name) ? found?.isDirectory() : found?.isFile();
    if (found === null || isRight === true) continue;
    const expected = FOLDERS.includes(name) ? "a folder" : "a plain file";
    throw refused(
      `${inside} is ${found.isSymbolicLink() ? "a symbolic link" : `not ${expected}`}`,
      "Take it away: mongokeep follows no links there, and makes its own.",
    );
  }
}

function nullIfMissing(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
  throw error;
}

async function refuseRepository(path: string): Promise<void> {
  if (!(await exists(join(path, ".git")))) return;
  throw new KeepError("backup-in-git", `backup folder ${path} is itself a git repository`, {
    hint: "Choose a folder for backups alone as BACKUP_DIR.",
  });
}

function refused(message: string, hint?: string): KeepError {
  return new KeepError("backup-dir", message, hint === undefined ? {} : { hint });
}
