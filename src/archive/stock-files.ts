// What lies in one folder of a stock dump. Links are followed as mongorestore follows them, but never out of the
// dump: nobody who hands over a dump may have files of this machine restored.
import { readdir, realpath, stat } from "node:fs/promises";
import type { Dirent } from "node:fs";
import { basename, join, sep } from "node:path";
import { KeepError } from "../errors.ts";
import { isForeignFolder, isForeignName } from "../util/foreign-files.ts";
import { DATA_FILE, METADATA_FILE, OPLOG_FILE } from "./layout.ts";

export interface StockFolder {
  readonly path: string;
  /** Names of files → absolute paths, links resolved; sorted. */
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
  path: string,
  dump: string,
  concerns: (name: string) => boolean = () => true,
): Promise<StockFolder> {
  const entries = await readdir(path, { withFileTypes: true });
  const sorted = entries
    .filter(({ name }) => concerns(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const files = new Map<string, string>();
  const folders = new Map<string, string>();
  const foreign: string[] = [];
  for (const entry of sorted) {
    const isFolder = entry.isDirectory();
    if (isFolder ? isForeignFolder(entry.name) : isForeignName(entry.name)) {
      foreign.push(isFolder ? `${entry.name}/` : entry.name);
      continue;
    }
    const found = await targetOf(entry, join(path, entry.name), dump);
    // What is neither is refused by who reads it, not passed over.
    (found.kind === "folder" ? folders : files).set(entry.name, found.path);
  }
  return { path, files, folders, foreign };
}

interface Target {
  readonly kind: "file" | "folder" | "other";
  readonly path: string;
}

async function targetOf(entry: Dirent, path: string, dump: string): Promise<Target> {
  if (!entry.isSymbolicLink()) return { kind: kindOf(entry), path };
  const target = await realpath(path).catch(() => null);
  const kind = target === null ? "other" : kindOf(await stat(target));
  const isPart = kind === "folder" || isNamedLikeData(entry.name);
  // A link to anything else, or to nothing, is like any other file that is no part of a dump.
  if (!isPart) return { kind: "file", path };
  if (target === null) throw refused(path, "a link to nothing");
  if (target.startsWith((await realpath(dump)) + sep)) return { kind, path: target };
  throw refused(path, `a link to ${target}, which is not in the dump`);
}

function kindOf(one: Pick<Dirent, "isFile" | "isDirectory">): Target["kind"] {
  if (one.isDirectory()) return "folder";
  return one.isFile() ? "file" : "other";
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
