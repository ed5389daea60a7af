// Puts settings into the .env, for its owner alone.
import { chmod, lstat, readFile, realpath } from "node:fs/promises";
import { editEnv } from "../../config/env-edit.ts";
import type { Edit } from "../../config/env-edit.ts";
import { KeepError } from "../../errors.ts";
import { PRIVATE_FILE, replaceFile } from "../../util/durable-file.ts";

const HEADER = "# Settings of mongokeep; docs/settings.md in its package has all of them.\n";

/** The names that changed; none: the file keeps its bytes. @throws KeepError usage, bad-setting */
export async function writeEnv(path: string, edits: readonly Edit[]): Promise<readonly string[]> {
  const before = await readText(path);
  const { text, changed } = editEnv(before ?? HEADER, edits);
  if (changed.length === 0 && before === null) return [];
  // A link stays a link: the file behind it is replaced.
  const target = before === null ? path : await realpath(path);
  if (changed.length > 0) await replaceFile(target, text);
  await chmod(target, PRIVATE_FILE);
  return changed;
}

/** null where there is none. @throws KeepError bad-setting: it belongs to somebody else */
async function readText(path: string): Promise<string | null> {
  const found = await lstat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  });
  if (found === null) return null;
  if (found.uid !== process.getuid?.())
    throw new KeepError("bad-setting", `${path} belongs to another user, and is not changed`, {
      hint: "Run mongokeep init as the user that owns the file, or in a folder of this user.",
    });
  return await readFile(path, "utf8");
}
