// A dump of stock mongodump, opened by what lies in it: a folder with a folder for each database, one database's
// folder, or the file of one collection. What must stay true: nothing in it is left out without a word.
import { basename, dirname } from "node:path";
import { KeepError } from "../errors.ts";
import { assertDatabaseName, isStockOplog, METADATA_FILE } from "./layout.ts";
import type { ArchivedCollection, OpenedBackup } from "./opened.ts";
import { asStored, fileAt } from "./place.ts";
import type { Place } from "./place.ts";
import { listStockFolder } from "./stock-files.ts";
import type { DumpPlace, StockFolder } from "./stock-files.ts";
import { describeCollections, joinStockFiles } from "./stock-folder.ts";
import type { JoinedFiles } from "./stock-folder.ts";
import { INDEXES, readStockIndexes } from "./stock-indexes.ts";
import type { StockIndexes } from "./stock-indexes.ts";
import { findStockOplog } from "./stock-oplog.ts";

/** mongodump and people leave these beside the data. */
const KNOWN = /^prelude\.json(\.gz)?$/;

/** Names in one note; a dump may lie in a folder full of other things. */
const MOST_NAMED = 8;

/** @throws KeepError damaged where it holds neither a collection nor an oplog */
export async function openStockDump(
  path: string,
  kept: Place,
  signal: AbortSignal,
): Promise<OpenedBackup> {
  const place: DumpPlace = { ...asStored(kept), signal };
  const top = await listStockFolder(place.storage, path, path);
  const notes: string[] = [];
  const nested = await readFolders(place, top, notes);
  const logs = new Map([...top.files].filter(([name]) => isLog(name, top)));
  const direct = await readDirect(place, top, logs, nested.length > 0, notes);
  const collections = [...nested, ...direct];
  const oplog = await findStockOplog(place, logs, notes);
  if (collections.length === 0 && oplog === null)
    throw new KeepError("damaged", `${path} holds no backup: no manifest and no .bson file`);
  return {
    ...{ path, place: asStored(place), id: basename(path), manifest: null, collections, notes },
    ...{ hasOplog: oplog !== null, oplog },
    ...(nested.length === 0 && direct.length > 0 && { databaseFolder: path }),
  };
}

/** A folder for each database. */
async function readFolders(
  place: DumpPlace,
  top: StockFolder,
  notes: string[],
): Promise<ArchivedCollection[]> {
  const all: ArchivedCollection[] = [];
  const empty: string[] = [];
  for (const [name, folder] of top.folders) {
    const listed = await listStockFolder(place.storage, folder, top.path);
    const own: string[] = [];
    const found = await readDatabase(place, listed, name, own);
    if (found.length > 0) {
      assertDatabaseName(name);
      notes.push(...own);
    } else if (listed.files.size + listed.folders.size > 0) empty.push(`${name}/`);
    all.push(...found);
  }
  if (empty.length > 0) notes.push(leftOut(empty));
  return all;
}

function leftOut(names: readonly string[]): string {
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : "";
  return `not part of the dump, and left out: ${names.slice(0, MOST_NAMED).join(", ")}${more}`;
}

/** Collections in the top folder itself: it is that of one database, whose name it has. */
async function readDirect(
  place: DumpPlace,
  top: StockFolder,
  logs: ReadonlyMap<string, string>,
  hasDatabases: boolean,
  notes: string[],
): Promise<ArchivedCollection[]> {
  const files = new Map([...top.files].filter(([name]) => !logs.has(name)));
  const direct = { ...top, files, folders: new Map<string, string>() };
  const found = await readDatabase(place, direct, nameOf(top.path), notes);
  if (hasDatabases && found.length > 0)
    notes.push(
      `collections lie beside the folders of databases: they are taken as those of the database ${nameOf(top.path)}`,
    );
  return found;
}

/** mongodump --oplog puts its log beside the databases, without metadata; a collection may bear its name. */
function isLog(name: string, { files }: Pick<StockFolder, "files">): boolean {
  return isStockOplog(name) && ![...files.keys()].some((one) => one.startsWith("oplog.metadata."));
}

/** As mongorestore has it where the folder has no name. */
const nameOf = (folder: string) => basename(folder) || "test";

async function readDatabase(
  place: DumpPlace,
  folder: StockFolder,
  database: string,
  notes: string[],
): Promise<ArchivedCollection[]> {
  const { byBase, others, twins } = await joinStockFiles(place, folder, database);
  notes.push(...sameNotes(database, twins));
  const indexes = await indexesOf(place, folder, byBase.get(INDEXES)?.plain);
  byBase.delete(INDEXES);
  const found = await describeCollections(place, folder, database, { byBase }, indexes);
  const folders = [...folder.folders.keys()].map((name) => `${name}/`);
  const described = new Set(found.map(({ metadataFile }) => metadataFile?.path));
  const blank = [...byBase.values()].flatMap(({ metadata = "", plain, buckets }) => {
    const isBlank = plain === undefined && buckets === undefined;
    return isBlank && !described.has(folder.files.get(metadata) ?? "") ? [metadata] : [];
  });
  const left = [
    ...others.filter((name) => !KNOWN.test(name)),
    ...blank,
    ...folders,
    ...folder.foreign,
  ];
  if (left.length > 0) notes.push(leftOut(left.map((name) => `${basename(folder.path)}/${name}`)));
  const names = new Set(found.map(({ name }) => name));
  const gone = [...indexes.keys()].filter(
    (name) => !names.has(name) && !name.startsWith("system."),
  );
  if (gone.length > 0)
    notes.push(`${database}/${INDEXES} has indexes of what is not in the dump: ${gone.join(", ")}`);
  return found;
}

const sameNotes = (database: string, twins: JoinedFiles["twins"]) =>
  twins.map(({ used, other }) => `${database}/${other} holds the same as ${used}, which is used`);

async function indexesOf(
  place: DumpPlace,
  { files }: StockFolder,
  name: string | undefined,
): Promise<StockIndexes> {
  const path = name === undefined ? undefined : files.get(name);
  return path === undefined ? new Map() : await readStockIndexes(fileAt(place, path), place.signal);
}

/**
 * The file of one collection, with its metadata beside it. The database is called like the file's folder.
 * @throws KeepError damaged; backup-not-found where the file holds no collection
 */
export async function openStockFile(
  path: string,
  kept: Place,
  signal: AbortSignal,
): Promise<OpenedBackup> {
  const place: DumpPlace = { ...asStored(kept), signal };
  const folder = dirname(path);
  const id = basename(path);
  const base = { path, place: asStored(place), id, manifest: null };
  const concerns = (name: string) =>
    name !== id && (METADATA_FILE.test(name) || name.startsWith(`${INDEXES}.`));
  const listed = await listStockFolder(place.storage, folder, folder, concerns);
  // Who names a link means what it leads to, wherever that lies.
  const files = new Map([...listed.files, [id, await place.storage.resolve(path)]]);
  if (isLog(id, { files })) {
    const oplog = await findStockOplog(place, new Map([...files].filter(([name]) => name === id)));
    return { ...base, collections: [], hasOplog: oplog !== null, oplog };
  }
  const database = nameOf(folder);
  const { byBase, twins } = await joinStockFiles(place, { ...listed, files }, database);
  const isMeant = ([name, { plain, buckets }]: [string, { plain?: string; buckets?: string }]) =>
    name !== INDEXES && (plain === id || buckets === id);
  const own = new Map([...byBase].filter(isMeant));
  if (own.size === 0)
    throw new KeepError("backup-not-found", `${path} is not the file of a collection`, {
      hint: `Name the folder that it lies in: ${folder}.`,
    });
  const indexes = await indexesOf(place, { ...listed, files }, byBase.get(INDEXES)?.plain);
  const one = { byBase: own };
  const collections = await describeCollections(
    place,
    { ...listed, files },
    database,
    one,
    indexes,
  );
  const notes = sameNotes(database, twins);
  return { ...base, collections, notes, hasOplog: false, oplog: null };
}
