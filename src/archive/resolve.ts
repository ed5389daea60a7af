// Which backup a person means: an id, a path, or `latest`.
// What must stay true: `latest` is never a safety backup, a backup dated in the future, or one of other data, because
// it is what somebody restores at 2 a.m.
import { basename, dirname, join, resolve } from "node:path";
import { distance } from "fastest-levenshtein";
import { KeepError } from "../errors.ts";
import { homeFolder } from "../util/process-folders.ts";
import { listCatalog } from "./catalog.ts";
import type { CatalogEntry } from "./catalog.ts";
import { isBackupId } from "./layout.ts";
import { asStored, fileAt, ON_DISK } from "./place.ts";
import type { Place } from "./place.ts";
import { refusalOf } from "../storage/refusal.ts";
import type { EntryStat, ReadableStorage } from "../storage/storage.ts";
import { archiveKind } from "./mongodump-archive-file.ts";
import { isStockData } from "./stock-files.ts";

/** What the settings or the command line ask for. */
export interface Wanted {
  /** host:port, sorted. */
  readonly hosts: readonly string[];
  /** null: all databases. */
  readonly databases: readonly string[] | null;
  readonly exclude: readonly string[];
}

export interface Resolved {
  /** Absolute. */
  readonly path: string;
  readonly id: string;
  /** null: it lies outside of the backup folder. */
  readonly entry: CatalogEntry | null;
  /** The path is a file of `mongodump --archive`. */
  readonly isArchive: boolean;
}

const CLOSE = 3;
const MOST_NAMED = 5;

/** @throws KeepError backup-not-found with what there is */
export async function resolveBackup(
  root: string,
  ref: string,
  wanted: Wanted,
  nowMs: number,
  place: Place = ON_DISK,
): Promise<Resolved> {
  if (ref === "") throw new KeepError("backup-not-found", "no backup is named");
  const { storage } = place;
  const entries = await listCatalog(root, place);
  if (ref === "latest") return toResolved(latestOrThrow(entries, wanted, nowMs, root));
  const own = findOwn(entries, ref);
  const path = own?.path ?? resolve(expandHome(ref));
  const isInside = dirname(path) === resolve(root);
  // In the backup folder no link is followed: it could lead to something that is no backup of this folder.
  if (isInside && (await isLink(storage, path))) throw notFound(entries, ref, root);
  if (own) return toResolved(own);
  const found = await lookAt(storage, path);
  if (found?.kind === "folder") {
    const entry = isInside ? findOwn(entries, basename(path)) : undefined;
    return { path, id: basename(path), entry: entry ?? null, isArchive: false };
  }
  if (found?.kind === "file") {
    // An archive is read where a link leads; a collection is called like the link.
    const isArchive = (await archiveKind(fileAt(asStored(place), found.target))) !== null;
    if (!isArchive && !isStockData(path)) throw notABackup(path);
    return { path: isArchive ? found.target : path, id: basename(path), entry: null, isArchive };
  }
  throw notFound(entries, ref, root);
}

/** The newest good backup made before a moment. @throws KeepError backup-not-found with the oldest there is */
export async function resolveAt(
  root: string,
  atMs: number,
  wanted: Wanted,
  nowMs: number,
  place: Place = ON_DISK,
): Promise<Resolved> {
  const entries = await listCatalog(root, place);
  const found = chooseLatest(entries, wanted, Math.min(atMs, nowMs));
  if (found) return toResolved(found);
  const good = entries.filter((entry) => isCandidate(entry, nowMs)).map((entry) => entry.id);
  const [oldest] = good.sort();
  const hint =
    oldest === undefined ? "There is no good backup at all." : `The oldest good one is ${oldest}.`;
  throw new KeepError(
    "backup-not-found",
    `there is no good backup from before ${new Date(atMs).toISOString()}`,
    { hint },
  );
}

/**
 * Good automatic and manual backups of the scope, newest first, none dated in the future: the same databases and
 * exclusions, of a server that has a host in common with the wanted ones (of any server where none is wanted). Pure.
 */
export function goodOfScope(
  entries: readonly CatalogEntry[],
  wanted: Wanted,
  nowMs: number,
): CatalogEntry[] {
  const { hosts, databases } = wanted;
  // No settings name a server: every backup is meant.
  if (hosts.length === 0 && databases === null)
    return newestFirst(entries.filter((entry) => isCandidate(entry, nowMs)));
  return sameDataNewestFirst(entries, wanted, nowMs).filter(
    ({ manifest }) =>
      hosts.length === 0 || manifest?.scope.hosts.some((host) => hosts.includes(host)),
  );
}

/**
 * What `latest` means: the newest good backup of the scope; where there is none, of the same data of another server,
 * because a host may have been renamed, or be new. Pure.
 */
export function chooseLatest(
  entries: readonly CatalogEntry[],
  wanted: Wanted,
  nowMs: number,
): CatalogEntry | null {
  const same = sameDataNewestFirst(entries, wanted, nowMs);
  return goodOfScope(same, wanted, nowMs)[0] ?? same[0] ?? null;
}

function sameDataNewestFirst(
  entries: readonly CatalogEntry[],
  wanted: Wanted,
  nowMs: number,
): CatalogEntry[] {
  return newestFirst(
    entries.filter((entry) => isCandidate(entry, nowMs) && hasSameData(entry, wanted)),
  );
}

const newestFirst = (entries: readonly CatalogEntry[]): CatalogEntry[] =>
  entries.toSorted((a, b) => createdMs(b) - createdMs(a) || (a.id < b.id ? 1 : -1));

const createdMs = ({ manifest }: CatalogEntry) => (manifest ? Date.parse(manifest.createdAt) : 0);
const keyOf = (names: readonly string[] | null) => JSON.stringify(names && [...names].sort());

function isCandidate(entry: CatalogEntry, nowMs: number): boolean {
  const { state, manifest } = entry;
  if (state !== "good" || manifest === null) return false;
  return manifest.type !== "pre-restore" && createdMs(entry) <= nowMs;
}

function hasSameData({ manifest }: CatalogEntry, wanted: Wanted): boolean {
  if (!manifest) return false;
  const { databases, exclude } = manifest.scope;
  return keyOf(databases) === keyOf(wanted.databases) && keyOf(exclude) === keyOf(wanted.exclude);
}

/** An unfinished run is no backup, whatever its name. */
function findOwn(entries: readonly CatalogEntry[], name: string): CatalogEntry | undefined {
  return entries.find(({ id, state }) => id === name && state !== "partial");
}

const toResolved = (entry: CatalogEntry): Resolved => ({
  path: entry.path,
  id: entry.id,
  entry,
  isArchive: false,
});

function expandHome(ref: string): string {
  const home = homeFolder();
  return home !== "" && (ref === "~" || ref.startsWith("~/")) ? join(home, ref.slice(1)) : ref;
}

function notABackup(path: string): KeepError {
  const message = `${JSON.stringify(path)} is no backup: a file, but no archive of mongodump and none of its .bson files`;
  return new KeepError("backup-not-found", message, {
    hint: "Name a backup's id, a folder, a .bson file, or a file that mongodump --archive wrote, with or without --gzip.",
  });
}

async function isLink(storage: ReadableStorage, path: string): Promise<boolean> {
  if (path.includes("\0")) return false;
  const found = await storage.stat(path).catch(() => null);
  return found?.kind === "link";
}

/** Follows links: who names one means what it leads to. null where nothing has this name. */
async function lookAt(
  storage: ReadableStorage,
  path: string,
): Promise<(EntryStat & { readonly target: string }) | null> {
  if (path.includes("\0")) return null;
  try {
    const target = await storage.resolve(path);
    const found = await storage.stat(target);
    return found && { ...found, target };
  } catch (error) {
    const refusal = refusalOf(error);
    const isTooLong = (error as NodeJS.ErrnoException).code === "ENAMETOOLONG";
    if (refusal === "missing" || refusal === "not-a-folder" || isTooLong) return null;
    throw error;
  }
}

function latestOrThrow(
  entries: readonly CatalogEntry[],
  wanted: Wanted,
  nowMs: number,
  root: string,
): CatalogEntry {
  const latest = chooseLatest(entries, wanted, nowMs);
  if (latest) return latest;
  const what = wanted.databases === null ? "all databases" : wanted.databases.join(", ");
  const message = `there is no good backup of ${what} in ${root}`;
  throw new KeepError("backup-not-found", message, {
    hint: hintOf(entries.filter(({ state }) => state !== "partial").map(describe)),
  });
}

/** "2026-11-23_02-00-00 (surg, manual, damaged)". */
function describe({ id, state, manifest }: CatalogEntry): string {
  if (!manifest) return `${id} (${state})`;
  const { scope, type } = manifest;
  const left = scope.exclude.length > 0 ? ` without ${scope.exclude.join(", ")}` : "";
  return `${id} (${scope.databases?.join(", ") ?? "all databases"}${left}, ${type}, ${state})`;
}

function notFound(entries: readonly CatalogEntry[], ref: string, root: string): KeepError {
  const ids = entries.filter(({ state }) => state !== "partial").map(({ id }) => id);
  const close = ids.filter((id) => id.startsWith(ref) || distance(id, ref) <= CLOSE);
  const message = isBackupId(ref)
    ? `there is no backup ${ref} in ${root}`
    : `there is no backup ${JSON.stringify(ref)}: no id in ${root}, no folder and no file`;
  const hint =
    close.length > 0 ? `Did you mean ${close.slice(0, MOST_NAMED).join(" or ")}?` : hintOf(ids);
  return new KeepError("backup-not-found", message, { hint });
}

function hintOf(known: readonly string[]): string {
  if (known.length === 0) return "There are none yet: mongokeep backup makes one.";
  const more = known.length - MOST_NAMED;
  const rest = more > 0 ? `; and ${more} more (mongokeep list)` : "";
  return `There are: ${known.slice(0, MOST_NAMED).join("; ")}${rest}.`;
}
