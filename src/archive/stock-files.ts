// What lies in one folder of a stock dump. Links are followed as mongorestore follows them, but never out of the
// dump: nobody who hands over a dump may have files of this machine restored.
import { basename, join, sep } from "node:path";
import { KeepError } from "../errors.ts";
import { isForeignFolder, isForeignName } from "../util/foreign-files.ts";
import type { Entry, ReadableStorage } from "../storage/storage.ts";
import type { Place } from "./place.ts";
import { DATA_FILE, METADATA_FILE, OPLOG_FILE } from "./layout.ts";

/** Where a dump lies, and until when it is read. */
export interface DumpPlace extends Place {
  /** Files are stored as the stock tools wrote them, whatever the place does to ours. */
  readonly transform: null;
  readonly signal: AbortSignal;
}

export interface StockFolder {
  readonly path: string;
  /** Names of files → paths, links resolved; sorted. */
  readonly files: ReadonlyMap<string, string>;
  /** The same of folders. */
  readonly folders: ReadonlyMap<string, string>;
  /** Names of what other programs left between them; those of folders end in a slash. */
  readonly foreign: readonly string[];
}

/** `.bin` is what mongodump wrote before version 1.6; mongorestore still reads it. */
export const STOCK_DATA = /\.(bson(\.gz|\.zst)?|bin)$/;

/** Whether a file's name says that it holds the documents of a collection. */
export const isStockData = (path: string) => STOCK_DATA.test(path);

/**
 * @param dump the folder that links may not lead out of
 * @param concerns which names matter to the caller: links of others are not looked at
 * @throws KeepError damaged for a link to data that leads nowhere, or out of the dump
 */
export async function listStockFolder(
  storage: ReadableStorage,
  path: string,
  dump: string,
  concerns: (name: string) => boolean = () => true,
): Promise<StockFolder> {
  const entries = (await storage.list(path)).filter(({ name }) => concerns(name));
  const files = new Map<string, string>();
  const folders = new Map<string, string>();
  const foreign: string[] = [];
  for (const entry of entries) {
    const isFolder = entry.kind === "folder";
    if (isFolder ? isForeignFolder(entry.name) : isForeignName(entry.name)) {
      foreign.push(isFolder ? `${entry.name}/` : entry.name);
      continue;
    }
    const found = await targetOf(storage, entry, join(path, entry.name), dump);
    // What is neither is refused by who reads it, not passed over.
    (found.kind === "folder" ? folders : files).set(entry.name, found.path);
  }
  return { path, files, folders, foreign };
}

interface Target {
  readonly kind: Entry["kind"];
  readonly path: string;
}

async function targetOf(
  storage: ReadableStorage,
  entry: Entry,
  path: string,
  dump: string,
): Promise<Target> {
  if (entry.kind !== "link") return { kind: entry.kind, path };
  const target = await storage.resolve(path).catch(() => null);
  const kind = target === null ? "other" : ((await storage.stat(target))?.kind ?? "other");
  const isPart = kind === "folder" || isNamedLikeData(entry.name);
  // A link to anything else, or to nothing, is like any other file that is no part of a dump.
  if (!isPart) return { kind: "file", path };
  if (target === null) throw refused(path, "a link to nothing");
  if (target.startsWith((await storage.resolve(dump)) + sep)) return { kind, path: target };
  throw refused(path, `a link to ${target}, which is not in the dump`);
}

const isNamedLikeData = (name: string) =>
  STOCK_DATA.test(name) || DATA_FILE.test(name) || METADATA_FILE.test(name) || name === OPLOG_FILE;

function refused(path: string, what: string): KeepError {
  const file = basename(path);
  return new KeepError("damaged", `${path} is ${what}`, {
    hint: "Copy what it should hold into the dump, in the place of the link.",
    details: { file },
  });
}
