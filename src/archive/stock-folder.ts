// One database's folder of a dump without a manifest: files joined into collections, by their names.
// What must stay true: no file is passed over in silence because another one has the same name.
import { join } from "node:path";
import { KeepError } from "../errors.ts";
import { readChunks } from "./chunk-reader.ts";
import { digestOfData } from "./data-digest.ts";
import { fileAt } from "./place.ts";
import type { ArchivedFile } from "./place.ts";
import {
  BUCKETS_PREFIX,
  escapeName,
  isStockAccounts,
  METADATA_FILE,
  mongodumpEscapeName,
  unescapeName,
} from "./layout.ts";
import { readMetadata, readMetadataText } from "./metadata-file.ts";
import type { CollectionMetadata } from "./metadata.ts";
import type { ArchivedCollection } from "./opened.ts";
import { STOCK_DATA } from "./stock-files.ts";
import type { DumpPlace, StockFolder } from "./stock-files.ts";
import type { StockIndexes } from "./stock-indexes.ts";
import { DOCUMENTS_IN_TWO_PLACES, DOCUMENTS_OF_A_VIEW, stockKind } from "./stock-kind.ts";
import { assertSame } from "./twin-files.ts";

type Part = "metadata" | "plain" | "buckets";

/** The names of the files that belong together. */
type StockFiles = Partial<Record<Part, string>>;

/** Which files of a folder belong together. */
export interface JoinedFiles {
  /** By the name of the collection, or that of the file where it was cut. */
  readonly byBase: Map<string, StockFiles>;
  /** Names of files that are no part of a dump. */
  readonly others: readonly string[];
  /** Names of files that hold the same as another one, which is used. */
  readonly twins: readonly Twins[];
}

export interface Twins {
  readonly used: string;
  readonly other: string;
}

/** @throws KeepError damaged, with `file`: two files for one collection, which do not hold the same */
export async function joinStockFiles(
  place: DumpPlace,
  folder: StockFolder,
  database: string,
): Promise<JoinedFiles> {
  const joined = joinFiles([...folder.files.keys()], database);
  const twin = (name: string) => ({
    name: `${database}/${name}`,
    file: fileAt(place, pathIn(folder, name)),
  });
  for (const { used, other } of joined.twins)
    await assertSame(twin(used), twin(other), (file) => digestOf(file, place.signal));
  await joinCutBuckets(place, folder, joined.byBase);
  return joined;
}

/**
 * @param indexes what `system.indexes` of an old dump has, by collection
 * @throws KeepError damaged, with `file`: what cannot be joined, or would not be restored as it is
 */
export async function describeCollections(
  place: DumpPlace,
  folder: StockFolder,
  database: string,
  { byBase }: Pick<JoinedFiles, "byBase">,
  indexes: StockIndexes,
): Promise<ArchivedCollection[]> {
  const found: Described[] = [];
  for (const [base, files] of byBase) {
    const described = await describe(place, folder, database, base, files);
    if (described) found.push(described);
  }
  assertNamesFit(database, found);
  return found.map(({ collection }) => {
    const old = collection.metadataFile === null ? indexes.get(collection.name) : undefined;
    return old ? { ...collection, indexes: old } : collection;
  });
}

function joinFiles(names: readonly string[], database: string): JoinedFiles {
  const byBase = new Map<string, StockFiles>();
  const twins: Twins[] = [];
  const others: string[] = [];
  for (const name of names) {
    if (isStockAccounts(name)) continue;
    const placed = placeOf(name);
    if (placed === null) {
      others.push(name);
      continue;
    }
    const { base, part } = placed;
    const files = byBase.get(base) ?? {};
    const used = files[part];
    if (used === undefined) byBase.set(base, { ...files, [part]: name });
    // Names that are escaped in two ways may have been two collections.
    else if (stemOf(used) === stemOf(name)) twins.push({ used, other: name });
    else
      throw damagedFile(database, name, `it is of the same collection as ${JSON.stringify(used)}`);
  }
  return { byBase, others, twins };
}

async function digestOf(file: ArchivedFile, signal: AbortSignal): Promise<string> {
  if (METADATA_FILE.test(file.path)) return (await readMetadataText(file)).toString("base64");
  return await digestOfData(file, signal);
}

const pathIn = ({ path, files }: StockFolder, name = "") => files.get(name) ?? join(path, name);

const stemOf = (file: string) =>
  file.replace(METADATA_FILE.test(file) ? METADATA_FILE : STOCK_DATA, "");

/** The collection's name, or the file's where that was cut; null for a file of another kind. */
function placeOf(name: string): { readonly base: string; readonly part: Part } | null {
  const isMetadata = METADATA_FILE.test(name);
  if (!isMetadata && !STOCK_DATA.test(name)) return null;
  const file = stemOf(name);
  const base = unescapeName(file) ?? file;
  const isBuckets = file.startsWith(BUCKETS_PREFIX);
  const bare = isBuckets ? base.slice(BUCKETS_PREFIX.length) : base;
  // Metadata of cut names of ours is named after the buckets too.
  if (isMetadata) return { base: unescapeName(file) === null ? bare : base, part: "metadata" };
  return isBuckets ? { base: bare, part: "buckets" } : { base, part: "plain" };
}

/** A long name of a time series is cut in another place than that of its buckets: only the metadata joins them. */
async function joinCutBuckets(
  place: DumpPlace,
  folder: StockFolder,
  byBase: Map<string, StockFiles>,
): Promise<void> {
  const orphans = new Map<string, string>();
  for (const [base, { buckets, metadata }] of byBase)
    if (metadata === undefined && buckets !== undefined)
      orphans.set(buckets.replace(STOCK_DATA, ""), base);
  if (orphans.size === 0) return;
  for (const [base, files] of [...byBase]) {
    if (files.buckets !== undefined || files.metadata === undefined) continue;
    const metadataFile = fileAt(place, pathIn(folder, files.metadata));
    const read = await readMetadata({ metadataFile });
    const name = BUCKETS_PREFIX + (read?.collectionName ?? "");
    const orphan = orphans.get(escapeName(name)) ?? orphans.get(mongodumpEscapeName(name));
    if (orphan === undefined) continue;
    byBase.set(base, { ...byBase.get(orphan), ...files });
    byBase.delete(orphan);
  }
}

interface Described {
  readonly collection: ArchivedCollection;
  /** For a person. */
  readonly file: string;
  /** What the metadata calls it; empty where it does not say. */
  readonly said: string;
}

/** null for metadata without a byte and without data. */
async function describe(
  place: DumpPlace,
  folder: StockFolder,
  database: string,
  base: string,
  files: StockFiles,
): Promise<Described | null> {
  const metadataFile = await metadataIn(place, folder, files);
  if (metadataFile === null && files.plain === undefined && files.buckets === undefined)
    return null;
  const metadata = await readMetadata({ metadataFile });
  const file = files.metadata ?? files.buckets ?? files.plain ?? "";
  const { plain, buckets } = files;
  const parts = { metadata, plain: plain !== undefined, buckets: buckets !== undefined };
  const kind = stockKind(parts);
  if ("problem" in kind) throw damagedFile(database, file, kind.problem);
  const { type, data, emptyOnly } = kind;
  const mustBeEmpty = emptyOnly && fileAt(place, pathIn(folder, files[emptyOnly]));
  if (mustBeEmpty && (await hasDocuments(mustBeEmpty, place.signal))) {
    const problem = type === "view" ? DOCUMENTS_OF_A_VIEW : DOCUMENTS_IN_TWO_PLACES;
    throw damagedFile(database, file, problem);
  }
  const name = nameOf(database, base, file, metadata);
  // One set of indexes may stand for several collections, by links.
  const isLink =
    metadataFile !== null && metadataFile.path !== join(folder.path, files.metadata ?? "");
  const said = isLink ? "" : (metadata?.collectionName ?? "");
  const dataName = data === null ? undefined : files[data];
  const collection: ArchivedCollection = {
    ...{ database, name, type, metadataFile, expected: null },
    dataFile: dataName === undefined ? null : fileAt(place, pathIn(folder, dataName)),
    ...(said !== "" && said !== name && { renamedFrom: said }),
  };
  return { collection, file, said };
}

/** As for mongorestore, an empty file says as little as none. */
async function metadataIn(
  place: DumpPlace,
  folder: StockFolder,
  { metadata }: StockFiles,
): Promise<ArchivedFile | null> {
  if (metadata === undefined) return null;
  const file = fileAt(place, pathIn(folder, metadata));
  return (await place.storage.stat(file.path))?.bytes === 0 ? null : file;
}

async function hasDocuments(file: ArchivedFile, signal: AbortSignal): Promise<boolean> {
  for await (const { raw } of readChunks(file, { width: 1, signal }))
    if (raw.length > 0) return true;
  return false;
}

/** By its files, as mongorestore has it: people rename them. A name that was cut is in the metadata alone. */
function nameOf(
  database: string,
  base: string,
  file: string,
  metadata: CollectionMetadata | null,
): string {
  const said = metadata?.collectionName ?? "";
  const written = stemOf(file);
  // Old tools escape nothing.
  if (said === written) return said;
  if (unescapeName(written) !== null) return base;
  if (said === "")
    throw damagedFile(database, file, "its true name is in metadata.json, which is missing");
  const bases = [said, BUCKETS_PREFIX + said].flatMap((n) => [
    escapeName(n),
    mongodumpEscapeName(n),
  ]);
  if (bases.includes(written)) return said;
  throw damagedFile(
    database,
    file,
    `it is the metadata of another collection, ${JSON.stringify(said)}`,
  );
}

/** Two files with one name, or one whose metadata is that of another: which is meant, nobody can tell. */
function assertNamesFit(database: string, found: readonly Described[]): void {
  const byName = new Map<string, string>();
  const saidBy = new Map<string, string>();
  for (const { collection, file, said } of found) {
    const other = byName.get(collection.name) ?? (said === "" ? undefined : saidBy.get(said));
    if (other !== undefined)
      throw damagedFile(database, file, `it is of the same collection as ${JSON.stringify(other)}`);
    byName.set(collection.name, file);
    if (said !== "") saidBy.set(said, file);
  }
  for (const { collection, file } of found) {
    const { renamedFrom } = collection;
    const owner = renamedFrom === undefined ? undefined : byName.get(renamedFrom);
    if (owner !== undefined)
      throw damagedFile(
        database,
        file,
        `it is the metadata of another collection, ${JSON.stringify(renamedFrom)}`,
      );
  }
}

function damagedFile(
  database: string,
  name: string,
  problem: string,
  hint = "Complete or correct the files, or take those of this collection out of the folder to restore the others.",
): KeepError {
  const file = `${database}/${name}`;
  return new KeepError("damaged", `${file}: ${problem}`, { hint, details: { file } });
}
