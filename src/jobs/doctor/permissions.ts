// Who can read the password and the backups.
import { access, constants, stat } from "node:fs/promises";
import { nearestFolder } from "../../storage/disk.ts";
import type { Check, Examine } from "./check.ts";
import { fail, ok, warn } from "./check.ts";

const OTHERS = 0o077;

export const permissions: Examine = async ({ job }) => {
  const { envFile, backupDir } = job.settings;
  const checks = [await backupFolder(backupDir)];
  return envFile === null ? checks : [await ownFile(envFile), ...checks];
};

async function ownFile(path: string): Promise<Check> {
  const { mode } = await stat(path);
  if ((mode & OTHERS) === 0) return ok("permissions", `only its owner can read ${path}`);
  return warn("permissions", `other users can read ${path}`, `Run: chmod 600 ${path}`);
}

async function backupFolder(path: string): Promise<Check> {
  const nearest = await nearestFolder(path);
  const writable = await access(nearest, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!writable) {
    const hint = "Give this user the right to write there, or set another BACKUP_DIR.";
    return fail("permissions", `this user cannot write to ${nearest}`, hint);
  }
  if (nearest !== path) return ok("permissions", `${path} will be made by the first backup`);
  const { mode, uid } = await stat(path);
  const user = process.getuid?.();
  if (user !== undefined && uid !== user) {
    const hint = "Run mongokeep as its owner, or set another BACKUP_DIR.";
    return fail("permissions", `${path} belongs to another user (${uid})`, hint);
  }
  if ((mode & OTHERS) === 0) return ok("permissions", `only its owner can open ${path}`);
  return warn("permissions", `other users can open ${path}`, `Run: chmod 700 ${path}`);
}
