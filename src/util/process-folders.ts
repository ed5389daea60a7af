// Folders of a process: where it was started, its user's home, and that for temporary files. In containers and unusual
// accounts any of them may be missing; errors.ts has the messages.
import { mkdtemp, rmdir } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

/** null if it was deleted meanwhile. */
export function workingFolder(): string | null {
  try {
    return process.cwd();
  } catch {
    return null; // ENOENT is the only failure
  }
}

/** Empty if there is none: HOME is not an absolute path, or it is not set and the user is not in the passwd file. */
export function homeFolder(): string {
  try {
    const home = homedir();
    return isAbsolute(home) ? home : "";
  } catch {
    return ""; // the user database does not know this user, or does not answer
  }
}

/** TMPDIR, or the system's; it may not exist. */
export function tempFolder(): string {
  return resolve(tmpdir());
}

/** Creates a private folder there. */
export async function makeTempFolder(kind = "", parent = tempFolder()): Promise<string> {
  // errors.ts recognizes temporary folders by this prefix.
  return await mkdtemp(join(parent, `mongokeep-${kind}`));
}

/** The same folder as `tempFolder`, checked: call it before work that needs it. */
export async function requireTempFolder(): Promise<string> {
  await rmdir(await makeTempFolder("try-"));
  return tempFolder();
}
