// Passes a secret to another program as a file that only this user can read and that is removed at the end of the
// scope.
import { rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { writeNewFile } from "./durable-file.ts";
import { makeTempFolder } from "./process-folders.ts";

export interface SecretFile extends AsyncDisposable {
  readonly path: string;
}

/** Writes `text` to a new file 0600 in a new folder 0700. Use with `await using`: disposing removes both. */
export async function openSecretFile(text: string): Promise<SecretFile> {
  const folder = await makeTempFolder();
  const path = join(folder, "secret");
  // A second Ctrl-C ends the process without disposal.
  const removeAtExit = () => {
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", removeAtExit);
  const remove = async () => {
    await rm(folder, { recursive: true, force: true });
    process.off("exit", removeAtExit);
  };
  try {
    await writeNewFile(path, text);
  } catch (error) {
    await remove();
    throw error;
  }
  return { path, [Symbol.asyncDispose]: remove };
}
