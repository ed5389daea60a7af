// Backups must not get into version control.
import { guardGit } from "../../storage/git-guard.ts";
import type { Examine } from "./check.ts";
import { ok } from "./check.ts";

export const git: Examine = async ({ job }) => {
  const { backupDir } = job.settings;
  await guardGit(backupDir);
  return [ok("git", `git tracks nothing in ${backupDir}`)];
};
