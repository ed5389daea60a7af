// Backups must not get into version control.
import { guardGit } from "../../storage/git-guard.ts";
import { isHiddenFromGit } from "../../storage/git-ignore.ts";
import { nearestFolder } from "../../storage/disk.ts";
import type { Examine } from "./check.ts";
import { ok, warn } from "./check.ts";

export const git: Examine = async ({ job }) => {
  const { backupDir } = job.settings;
  await guardGit(backupDir);
  const isThere = (await nearestFolder(backupDir)) === backupDir;
  if (!isThere || (await isHiddenFromGit(backupDir)))
    return [ok("git", `git tracks nothing in ${backupDir}`)];
  const message = `git would add the backups in ${backupDir}: its .gitignore does not ignore everything`;
  return [warn("git", message, "The next backup repairs it; or write a line with * at its end.")];
};
