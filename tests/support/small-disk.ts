// A small file system, for what must happen when the disk is full. Needs root.
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { atEnd, temporaryFolder } from "./temporary.ts";

const run = promisify(execFile);

/**
 * A folder with room for so many megabytes; null, and the test counted as skipped, where mounting is not
 * allowed. `at`: where it is; default: somewhere else each time.
 */
export async function smallDisk(
  t: TestContext,
  megabytes = 1,
  at?: string,
): Promise<string | null> {
  const folder = at ?? (await temporaryFolder(t));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=0700`, "tmpfs", folder]);
  } catch {
    t.skip("needs the right to mount a tmpfs");
    return null;
  }
  atEnd(t, () => run("umount", [folder]));
  return folder;
}
