// Unpacks an archive of mongodump into a private folder, in mongodump's own layout, so that what reads a dump
// reads it too. One walk, checked on the way; the folder goes in every case, that of a dead run with the next.
import { randomBytes } from "node:crypto";
import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { createEncoder, suffixOf } from "../codec/create.ts";
import type { Compression } from "../codec/codec.ts";
import type { Clock } from "../util/clock.ts";
import { createPrivateFolder, syncFolder, writeNewFile } from "../util/durable-file.ts";
import { openDataFile, writeError } from "./data-file.ts";
import type { DataFile } from "./data-file.ts";
import { escapeName, metadataPath } from "./layout.ts";
import { NEVER_RENEWED } from "./lease.ts";
import { describeSelf, isOfThisMachine, proofOfDeath, readHolder } from "./lock-holder.ts";
import { readMongodumpArchiveFile } from "./mongodump-archive-file.ts";
import { ARCHIVED_OPLOG } from "./mongodump-archive-list.ts";
import type { ArchivedStream, ArchiveList } from "./mongodump-archive-list.ts";

const NAME = /^\.unpacked-[0-9a-f]{16}$/;
const HOLDER_FILE = "holder.json";
const DUMP = "dump";
/** Written and read once: fast before small. */
const COMPRESSION: Compression = { algorithm: "zstd", level: 1 };
const PLAIN: Compression = { algorithm: "none", level: null };
const SLOTS = 2;
const NAMELESS_MS = 60 * 60 * 1_000;
/** No restore reads an archive for so long; of another machine or container, nothing else tells. */
const FOREIGN_MS = 7 * 24 * 60 * 60 * 1_000;

export interface SpooledArchive extends AsyncDisposable {
  /** A folder as mongodump writes it. */
  readonly path: string;
}

export interface SpoolOptions {
  /** For the process that holds the folder: who clears leftovers asks whether it lives. */
  readonly command: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Lists the collections only: data files stay empty. The archive is read and checked to its end all the same. */
  readonly outlineOnly: boolean;
}

/**
 * @param root the folder that the temporary one is made in
 * @throws KeepError damaged (with `file`, `document` and `byte`), disk-full; nothing is left then
 */
export async function spoolMongodumpArchive(
  archive: string,
  root: string,
  options: SpoolOptions,
): Promise<SpooledArchive> {
  const folder = join(root, `.unpacked-${randomBytes(8).toString("hex")}`);
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await createPrivateFolder(folder);
    const self = await describeSelf(options.command, options.clock);
    const holder = JSON.stringify({ ...self, renewals: NEVER_RENEWED });
    await writeNewFile(join(folder, HOLDER_FILE), holder);
    await createPrivateFolder(join(folder, DUMP));
    await unpack(archive, join(folder, DUMP), options);
  } catch (error) {
    await remove();
    throw writeError(folder, error);
  }
  return { path: join(folder, DUMP), [Symbol.asyncDispose]: remove };
}

/** Removes what dead runs unpacked; gives the names. */
export async function clearSpools(root: string, clock: Clock): Promise<string[]> {
  const cleared: string[] = [];
  for (const name of (await readdir(root)).filter((n) => NAME.test(n))) {
    if (!(await isDead(join(root, name), clock))) continue;
    await rm(join(root, name), { recursive: true, force: true });
    cleared.push(name);
  }
  if (cleared.length > 0) await syncFolder(root);
  return cleared;
}

/** One without a holder's name was just begun, or its run died at that moment. */
async function isDead(folder: string, clock: Clock): Promise<boolean> {
  const held = await readHolder(join(folder, HOLDER_FILE));
  const stat = await lstat(folder).catch(() => null);
  const isOlder = (ms: number) => stat !== null && clock.now() - stat.mtimeMs > ms;
  if (typeof held === "string") return isOlder(NAMELESS_MS);
  if ((await proofOfDeath(held.by)) !== null) return true;
  return !(await isOfThisMachine(held.by)) && isOlder(FOREIGN_MS);
}

async function unpack(archive: string, dump: string, options: SpoolOptions): Promise<void> {
  const open = new Map<ArchivedStream, DataFile>();
  const fileOf = (stream: ArchivedStream) => {
    const file = open.get(stream) ?? createFile(dump, stream);
    open.set(stream, file);
    return file;
  };
  let isView: (stream: ArchivedStream) => boolean = () => false;
  try {
    for await (const part of readMongodumpArchiveFile(archive, options.signal)) {
      if (part.kind === "list") {
        await writeList(dump, part.list);
        isView = viewsOf(part.list);
        continue;
      }
      // mongodump opens and ends these too, and a dump in a folder has no file of them.
      if (isView(part.stream)) continue;
      const file = fileOf(part.stream);
      if (part.kind === "documents") {
        // A plan is made from the oplog too.
        if (!options.outlineOnly || isLog(part.stream)) await file.append(part.raw);
        continue;
      }
      open.delete(part.stream);
      await file.close();
    }
  } finally {
    for (const file of open.values()) await file.abort();
  }
}

const isLog = ({ database, name }: ArchivedStream) => database === "" && name === ARCHIVED_OPLOG;

function createFile(dump: string, stream: ArchivedStream): DataFile {
  const compression = isLog(stream) ? PLAIN : COMPRESSION;
  const file = `${fileName(stream.name)}.bson${suffixOf(compression.algorithm)}`;
  const relative = isLog(stream) ? file : join(stream.database, file);
  return openDataFile(join(dump, relative), relative, createEncoder(compression), SLOTS);
}

function viewsOf({ collections }: ArchiveList): (stream: ArchivedStream) => boolean {
  const views = new Set(
    collections.filter((c) => c.type === "view").map((c) => `${c.database}\0${c.name}`),
  );
  return ({ database, name }) => views.has(`${database}\0${name}`);
}

/** Those of a database's accounts are not escaped, by mongodump neither. */
function fileName(name: string): string {
  return /^\$admin\.system\.[a-z]+$/.test(name) ? name : escapeName(name);
}

async function writeList(dump: string, { collections }: ArchiveList): Promise<void> {
  const databases = new Set(collections.map((c) => c.database));
  databases.delete("");
  for (const database of databases) await createPrivateFolder(join(dump, database));
  for (const { database, name, metadata } of collections)
    if (database !== "" && metadata !== "")
      await writeNewFile(join(dump, metadataPath(database, name, "none")), metadata);
}
