// What `zstd -d --rm` does to the data files of a backup: by that program where there is one, else by our own reader.
import { execFile } from "node:child_process";
import { open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { readChunks } from "../../src/archive/chunk-reader.ts";
import { onDisk } from "../../src/archive/place.ts";

const run = promisify(execFile);

/** Puts `x.bson` in the place of every `x.bson.zst` below. */
export async function unpackZstd(folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true });
  const files = names.filter((name) => name.endsWith(".zst")).map((name) => join(folder, name));
  try {
    await run("zstd", ["-dq", "--rm", "--", ...files]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    for (const file of files) await unpackOne(file);
  }
}

async function unpackOne(file: string): Promise<void> {
  await using out = await open(file.slice(0, -".zst".length), "wx");
  const { signal } = new AbortController();
  for await (const { raw } of readChunks(onDisk(file), { width: 1, signal })) await out.write(raw);
  await rm(file);
}
