// How much room there is, and which disk a folder lies on. Both answer for folders that are yet to be made.
import { access, constants, stat, statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** Bytes that this user may still write where `path` lies. */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(await nearestFolder(path), { bigint: true });
  return Number(bavail * bsize);
}

/** Whether both lie on one file system: one broken disk then takes the database and its backups. */
export async function sameDisk(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([a, b].map(deviceOf));
  return first === second;
}

async function deviceOf(path: string): Promise<number> {
  return (await stat(await nearestFolder(path))).dev;
}

/** Whether this user may make files in a folder; false where it does not exist. */
export async function mayWriteTo(folder: string): Promise<boolean> {
  return await access(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** The first of these that is a folder. */
export async function firstFolder(paths: readonly string[]): Promise<string | null> {
  for (const path of paths) {
    const found = await stat(path).catch(() => null);
    if (found?.isDirectory() === true) return path;
  }
  return null;
}

/** `path`, or the nearest folder above it that exists. */
export async function nearestFolder(path: string): Promise<string> {
  for (let at = resolve(path); ; at = dirname(at)) {
    try {
      if ((await stat(at)).isDirectory() || at === dirname(at)) return at;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if ((code !== "ENOENT" && code !== "ENOTDIR") || at === dirname(at)) throw error;
    }
  }
}
