// What is put together from the calls of a storage: a whole file, and a folder with its parents.
import { dirname } from "node:path";
import { refusalOf } from "./refusal.ts";
import type { Storage, WritableFile } from "./storage.ts";

/** Writes a file that must not exist yet; durable on return, its name after `flushFolder`. @throws taken */
export async function writeNew(
  storage: Storage,
  path: string,
  bytes: Uint8Array | string,
): Promise<void> {
  await writeAndClose(await storage.create(path), bytes);
}

/** Everything that goes into an open file. */
export async function writeAndClose(file: WritableFile, bytes: Uint8Array | string): Promise<void> {
  try {
    await file.write(typeof bytes === "string" ? Buffer.from(bytes) : bytes);
    await file.close();
  } finally {
    await file.abandon();
  }
}

/** Makes a folder and its parents, where they are missing. */
export async function makeFolders(storage: Storage, path: string): Promise<void> {
  try {
    await storage.makeFolder(path);
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === "taken") return;
    if (refusal !== "missing" || dirname(path) === path) throw error;
    await makeFolders(storage, dirname(path));
    await makeFolders(storage, path);
  }
}
