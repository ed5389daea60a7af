// Backups frozen as text, a line a file: its path and its bytes in base64. They were written once by the version
// that first had the format and are never written again: what a later version cannot read of them is a backup lost.
// A new format gets new files: `node tests/vectors/freeze.ts v2`.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

export const FROZEN_ID = "2026-11-23_02-00-00";
export const ALGORITHMS = ["gzip", "zstd", "none"] as const;

export const frozenPath = (name: string) => join(import.meta.dirname, `${name}.txt`);

/** The files of a frozen backup by their path in it. */
export async function readFrozen(name: string): Promise<Map<string, Buffer>> {
  const text = await readFile(frozenPath(name), "utf8");
  const lines = text.split("\n").filter((line) => line !== "");
  return new Map(
    lines.map((line) => {
      const [path = "", bytes = ""] = line.split(" ");
      return [path, Buffer.from(bytes, "base64")];
    }),
  );
}

/** Lays a frozen backup out in `root`, under its own name; gives its path. */
export async function thaw(name: string, root: string): Promise<string> {
  const folder = join(root, FROZEN_ID);
  for (const [path, bytes] of await readFrozen(name)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  return folder;
}
