// Unpacks an archive of mongodump into a private folder, in mongodump's own layout, so that the readers of dumps can
// read it. The archive is read once and checked on the way. The folder is always removed; a killed run's is removed by
// the next run. It is a working copy, so it is on this machine's disk wherever the archive is.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { createEncoder, suffixOf } from "../codec/create.ts";
import type { Compression } from "../codec/codec.ts";
import type { Clock } from "../util/clock.ts";
import { localDisk } from "../storage/local-disk.ts";
import { writeNewFile } from "../util/durable-file.ts";
import { openDataFile, writeError } from "./data-file.ts";
import type { DataFile } from "./data-file.ts";
import { escapeName, metadataPath } from "./layout.ts";
import { NEVER_RENEWED } from "./lease.ts";
import { describeSelf, isOfThisMachine, proofOfDeath, readHolder } from "./lock-holder.ts";
import { readMongodumpArchiveFile } from "./mongodump-archive-file.ts";
import { onDisk } from "./place.ts";
import type { ArchivedFile } from "./place.ts";
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
  archive: ArchivedFile,
  root: string,
  options: SpoolOptions,
): Promise<SpooledArchive> {
  const folder = join(root, `.unpacked-${randomBytes(8).toString("hex")}`);
  const remove = () => localDisk.remove(folder);
  try {
    await localDisk.makeFolder(folder);
    const self = await describeSelf(options.command, options.clock);
    const holder = JSON.stringify({ ...self, renewals: NEVER_RENEWED });
    await writeNewFile(join(folder, HOLDER_FILE), holder);
    await localDisk.makeFolder(join(folder, DUMP));
    await unpack(archive, join(folder, DUMP), options);
  } catch (error) {
    await remove();
    throw writeError(folder, error);
  }
  return { path: join(folder, DUMP), [Symbol.asyncDispose]: remove };
}

/** Removes what killed runs unpacked; gives the names. */
export async function clearSpools(root: string, clock: Clock): Promise<string[]> {
  const cleared: string[] = [];
  for (const { name } of await localDisk.list(root)) {
    if (!NAME.test(name) || !(await isDead(join(root, name), clock))) continue;
    await localDisk.remove(join(root, name));
    cleared.push(name);
  }
  if (cleared.length > 0) await localDisk.flushFolder(root);
  return cleared;
}

/** One without a holder's name was just started, or its run was killed at that moment. */
async function isDead(folder: string, clock: Clock): Promise<boolean> {
  const held = await readHolder(join(folder, HOLDER_FILE));
  const stat = await localDisk.stat(folder).catch(() => null);
  const isOlder = (ms: number) => stat !== null && clock.now() - stat.changedMs > ms;
  if (typeof held === "string") return isOlder(NAMELESS_MS);
  if ((await proofOfDeath(held.by)) !== null) return true;
  return !(await isOfThisMachine(held.by)) && isOlder(FOREIGN_MS);
}

async function unpack(archive: ArchivedFile, dump: string, options: SpoolOptions): Promise<void> {
  const open = new Map<ArchivedStream, DataFile>();
  const fileOf = async (stream: ArchivedStream) => {
    const file = open.get(stream) ?? (await createFile(dump, stream));
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
      const file = await fileOf(part.stream);
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

async function createFile(dump: string, stream: ArchivedStream): Promise<DataFile> {
  const compression = isLog(stream) ? PLAIN : COMPRESSION;
  const file = `${fileName(stream.name)}.bson${suffixOf(compression.algorithm)}`;
  const relative = isLog(stream) ? file : join(stream.database, file);
  const encoder = createEncoder(compression);
  return await openDataFile(onDisk(join(dump, relative)), relative, encoder, SLOTS);
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
  for (const database of databases) await localDisk.makeFolder(join(dump, database));
  for (const { database, name, metadata } of collections)
    if (database !== "" && metadata !== "")
      await writeNewFile(join(dump, metadataPath(database, name, "none")), metadata);
}
