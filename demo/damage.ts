// Looks into BACKUP_DIR without mongokeep, and turns one bit of a backup over and back again.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface Flipped {
  readonly id: string;
  /** Relative to BACKUP_DIR. */
  readonly file: string;
  mend(): Promise<void>;
}

/** Flips the middle bit of `path` in the newest backup. */
export async function flipOneBit(backupDir: string, path: string): Promise<Flipped> {
  const id = (await listIds(backupDir)).at(-1) ?? "";
  const file = join(id, path);
  const bytes = await readFile(join(backupDir, file));
  const damaged = Buffer.from(bytes);
  const middle = damaged.length >> 1;
  damaged[middle] = (damaged[middle] ?? 0) ^ 1;
  await writeFile(join(backupDir, file), damaged);
  return { id, file, mend: () => writeFile(join(backupDir, file), bytes) };
}

/** The backups' folders, oldest first. */
export async function listIds(backupDir: string): Promise<string[]> {
  return (await readdir(backupDir)).filter((name) => /^\d{4}-/.test(name)).sort();
}
