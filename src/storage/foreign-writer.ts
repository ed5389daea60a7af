// What another program wrote into a folder of ours on the local disk, made as if we had written it: mongodump can
// write to folders only, with the rights that its umask leaves, and flushes nothing.
import { chmod, open } from "node:fs/promises";
import { PRIVATE_FILE, PRIVATE_FOLDER } from "../util/durable-file.ts";

/** Closes a file to other users. */
export async function makeFilePrivate(path: string): Promise<void> {
  await chmod(path, PRIVATE_FILE);
}

/** Closes a folder to other users. */
export async function makeFolderPrivate(path: string): Promise<void> {
  await chmod(path, PRIVATE_FOLDER);
}

/** Its content is on disk when this resolves. */
export async function flushFile(path: string): Promise<void> {
  await using file = await open(path, "r+");
  await file.sync();
}
