// A folder of stock mongodump, opened by what lies in it.
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { KeepError } from "../errors.ts";
import { assertDatabaseName } from "./layout.ts";
import type { ArchivedCollection, OpenedBackup } from "./opened.ts";
import { readDatabaseFolder } from "./stock-folder.ts";
import { findStockOplog } from "./stock-oplog.ts";

/**
 * A folder with a folder for each database, or one database's folder itself.
 * @throws KeepError damaged where it holds no collection
 */
export async function openStockDump(path: string): Promise<OpenedBackup> {
  const entries = await readdir(path, { withFileTypes: true });
  const direct = entries.filter((e) => e.isFile()).map((e) => e.name);
  const collections: ArchivedCollection[] = [];
  for (const entry of entries)
    if (entry.isDirectory()) {
      const found = await readDatabaseFolder(join(path, entry.name), entry.name);
      if (found.length > 0) assertDatabaseName(entry.name);
      collections.push(...found);
    }
  if (collections.length === 0)
    collections.push(...(await readDatabaseFolder(path, basename(path))));
  if (collections.length === 0)
    throw new KeepError("damaged", `${path} holds no backup: no manifest and no .bson file`);
  const oplog = await findStockOplog(path, direct);
  const hasOplog = oplog !== null;
  return { path, id: basename(path), manifest: null, collections, hasOplog, oplog };
}
