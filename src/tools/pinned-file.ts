// Downloaded programs run only if their bytes are the reviewed ones.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { renameDurably } from "../util/durable-file.ts";

/** Hex SHA-256 of a file. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}

/** Throws unless the file has this SHA-256. */
export async function assertSha256(path: string, expected: string): Promise<void> {
  const actual = await sha256OfFile(path);
  if (actual !== expected) {
    throw new Error(`${path} has SHA-256 ${actual}, expected ${expected}`);
  }
}

/**
 * Makes the program `target` in a cache: `make` fills a work folder and returns the path in it. Another process sees
 * either no file or the complete, checked one; the work folder is always removed.
 */
export async function installPinned(
  target: string,
  sha256: string,
  make: (workFolder: string) => Promise<string>,
): Promise<void> {
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  const workFolder = await mkdtemp(join(dirname(target), ".fetch-"));
  try {
    const made = await make(workFolder);
    await assertSha256(made, sha256);
    await chmod(made, 0o755);
    await renameDurably(made, target);
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
}
