// Patient data must not get into version control. The folder's own .gitignore keeps new files out;
// what git tracks already it does not help against, so that is refused.
import { basename, relative } from "node:path";
import { KeepError } from "../errors.ts";
import { execute } from "../util/exec.ts";
import { nearestFolder } from "./disk.ts";

const LIMIT_MS = 20_000;
/** Files that only keep a folder in the repository. */
const HARMLESS = new Set([".gitignore", ".gitkeep", ".keep"]);

/**
 * Refuses a folder with files that git tracks. Does nothing where git is not installed, or `path` lies in no work tree.
 * @throws KeepError backup-in-git
 */
export async function guardGit(path: string): Promise<void> {
  const base = await nearestFolder(path);
  const tracked = await listTracked(base, relative(base, path) || ".");
  const data = tracked.filter((file) => !HARMLESS.has(basename(file)));
  const [first] = data;
  if (first === undefined) return;
  throw new KeepError(
    "backup-in-git",
    `git tracks ${data.length} file${data.length === 1 ? "" : "s"} in backup folder ${path} (${JSON.stringify(first)})`,
    {
      hint: `Take them out of version control with git rm -r --cached '${path}', and out of its history too, or choose a BACKUP_DIR outside of the work tree.`,
    },
  );
}

async function listTracked(base: string, inside: string): Promise<string[]> {
  const git = [
    "git",
    "--literal-pathspecs",
    // Under cron as root the work tree may be another user's: only its index is read, none of its programs run.
    ...["-c", "safe.directory=*", "-c", "core.fsmonitor=false"],
    ...["-C", base, "ls-files", "-z", "--", inside],
  ] as const;
  const result = await execute([...git], {
    timeoutMs: LIMIT_MS,
    // A hook or a wrapper may have pointed git at another repository.
    env: { GIT_DIR: undefined, GIT_WORK_TREE: undefined, GIT_INDEX_FILE: undefined },
  });
  // Not installed, or no work tree: then nothing is tracked.
  if (!result.ok) return [];
  return result.stdout.split("\0").filter((file) => file !== "");
}
