// The folders that a process is given: where it was started, its user's home, and the one for temporary files.
// Containers and unusual accounts lack any of them; errors.ts has the words for that.
import { mkdtemp, rmdir } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

/** null where it was deleted meanwhile. */
export function workingFolder(): string | null {
  try {
    return process.cwd();
  } catch {
    return null; // ENOENT: there is nothing else that it fails with
  }
}

/** Empty where there is none: HOME is no whole path, or not set and the user is in no passwd file. */
export function homeFolder(): string {
  try {
    const home = homedir();
    return isAbsolute(home) ? home : "";
  } catch {
    return ""; // the user database does not know this user, or does not answer
  }
}

/** TMPDIR, or the system's; it may not be there. */
export function tempFolder(): string {
  return resolve(tmpdir());
}

/** A new private folder there. */
export async function makeTempFolder(kind = "", parent = tempFolder()): Promise<string> {
  // errors.ts knows our temporary folders by these words.
  return await mkdtemp(join(parent, `mongokeep-${kind}`));
}

/** The same folder as `tempFolder`, tried: call before work that ends in it. */
export async function requireTempFolder(): Promise<string> {
  await rmdir(await makeTempFolder("try-"));
  return tempFolder();
}
