// One side of the comparison: mongodump and mongorestore as a nightly script would call them.
import { rm, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { stockTools } from "../tests/support/stock-tools.ts";
import { measure } from "./measure.ts";
import type { Measured } from "./measure.ts";

/** A dump of one database in `folder`, which is replaced. */
export async function stockDump(uri: string, database: string, folder: string): Promise<Measured> {
  await rm(folder, { recursive: true, force: true });
  const { mongodump } = await stockTools();
  const args = [`--uri=${uri}`, `--db=${database}`, "--gzip", `--out=${folder}`, "--quiet"];
  return await measure(mongodump, args, { cwd: "/" });
}

/** Loads that dump again over the live data, indexes included. */
export async function stockRestore(uri: string, folder: string): Promise<Measured> {
  const { mongorestore } = await stockTools();
  const args = [`--uri=${uri}`, "--gzip", "--drop", `--dir=${folder}`, "--quiet"];
  return await measure(mongorestore, args, { cwd: "/" });
}

/** Bytes of every file below a folder. */
export async function storedBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map((file) => stat(join(file.parentPath, file.name))));
  return sizes.reduce((sum, { size }) => sum + size, 0);
}
