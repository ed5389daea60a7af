// Verifies a backup: sealed ones against their manifest, ones about to be sealed against its draft,
// stock dumps and archives against themselves.
import { warn } from "../events.ts";
import { basename, relative } from "node:path";
import { readSetAside } from "../archive/catalog.ts";
import { archiveKind } from "../archive/mongodump-archive-file.ts";
import { openBackup } from "../archive/reader.ts";
import { asStored, fileAt, ON_DISK } from "../archive/place.ts";
import type { Place } from "../archive/place.ts";
import { isStockData } from "../archive/stock-files.ts";
import { readMetadata } from "../archive/metadata-file.ts";
import type { ArchivedCollection, OpenedBackup } from "../archive/opened.ts";
import type { Problem, Verification, VerifiedCollection } from "../archive/verification.ts";
import { KeepError } from "../errors.ts";
import type { Clock } from "../util/clock.ts";
import { glance } from "../oplog/glance.ts";
import { readEntries } from "../oplog/read-entries.ts";
import { asDamage } from "./as-damage.ts";
import { checkDataFile } from "./data-file.ts";
import { verifyFiles } from "./files.ts";
import { verifyMongodumpArchive } from "./mongodump-archive.ts";
import type { Findings, Promised, VerifyContext } from "./files.ts";

export type CheckLevel = "quick" | "full";

/** The draft of a manifest against the files just written. Gives the content hashes that it still lacks. */
export async function verifyDraft(
  path: string,
  id: string,
  draft: Promised,
  context: VerifyContext & { readonly clock: Clock },
): Promise<Verification> {
  const began = performance.now();
  const findings = await verifyFiles(path, draft, "full", context);
  return toVerification(id, "full", findings, began, context.clock);
}

/**
 * A backup as it lies there. What cannot be read at all is a problem in the result, not an error.
 * @throws KeepError backup-not-found where there is no such folder
 */
export async function verifyBackup(
  path: string,
  level: CheckLevel,
  context: VerifyContext & { readonly clock: Clock },
): Promise<Verification> {
  const began = performance.now();
  const findings = await find(path, level, context);
  return toVerification(basename(path), level, findings, began, context.clock);
}

async function find(path: string, level: CheckLevel, context: VerifyContext): Promise<Findings> {
  const { place = ON_DISK } = context;
  try {
    if (await isArchive(path, place))
      return await verifyMongodumpArchive(fileAt(asStored(place), path), context.signal);
    const setAside = await readSetAside(path, place);
    if (setAside) return await verifySetAside(path, setAside, level, context);
    const backup = await openBackup(path, place, context.signal);
    if (backup.manifest === null) return await verifyStock(backup, context);
    if (backup.manifest.id !== backup.id) noteRenamed(backup.manifest.id, path, context);
    return await verifyFiles(path, backup.manifest, level, context);
  } catch (error) {
    // No folder, or none of ours: the caller's mistake.
    if (error instanceof KeepError && error.code !== "damaged") throw error;
    const { problem, details } = asDamage(error);
    return whole(typeof details.file === "string" ? details.file : "", problem);
  }
}

/** What was found when it was made stays true, be it that the memory was bad and the disk is good. */
async function verifySetAside(
  path: string,
  { draft, found }: NonNullable<Awaited<ReturnType<typeof readSetAside>>>,
  level: CheckLevel,
  context: VerifyContext,
): Promise<Findings> {
  const when = found === null ? "" : `, at ${found.verifiedAt}`;
  const message = `${basename(path)} failed its verification when it was made${when}`;
  warn(context.emit, "set-aside", message);
  const now = await verifyFiles(path, draft, level, context);
  const before = found?.problems ?? [];
  const known = new Set(before.map((problem) => JSON.stringify(problem)));
  const fresh = now.problems.filter((problem) => !known.has(JSON.stringify(problem)));
  const all = [...before, ...fresh];
  const problems =
    all.length > 0 ? all : whole("", "it failed its verification when it was made").problems;
  return { problems, collections: now.collections };
}

/** A file that is named like one of a dump's, and is no archive, is the lone file of a collection. */
async function isArchive(path: string, place: Place): Promise<boolean> {
  if ((await place.storage.stat(path).catch(() => null))?.kind !== "file") return false;
  return !isStockData(path) || (await archiveKind(fileAt(asStored(place), path))) !== null;
}

/** Its manifest has a checksum of its own, and names every file by its content: the folder's name proves nothing. */
function noteRenamed(id: string, path: string, { emit }: VerifyContext): void {
  const message = `${path} holds the backup ${id}: the folder was copied or moved under another name`;
  warn(emit, "renamed-backup", message);
}

const whole = (file: string, problem: string): Findings => ({
  problems: [{ file, chunk: null, document: null, problem }],
  collections: [],
});

/** A stock dump promises nothing: it is good if it can be read to its end, data and metadata. */
async function verifyStock(backup: OpenedBackup, context: VerifyContext): Promise<Findings> {
  const problems: Problem[] = [];
  const collections: VerifiedCollection[] = [];
  for (const message of backup.notes ?? []) warn(context.emit, "dump-note", message);
  for (const collection of backup.collections) {
    problems.push(...(await checkMetadata(backup, collection)));
    if (collection.dataFile === null) continue;
    const checked = await checkDataFile(collection.dataFile, context.signal, () => undefined);
    const file = relative(backup.path, collection.dataFile.path) || backup.id;
    if (checked.damage) problems.push({ file, ...checked.damage });
    const { documents, rawBytes, contentHash, newestId } = checked;
    const { database, name } = collection;
    collections.push({ database, name, documents, rawBytes, contentHash, newestId });
  }
  return { problems: [...problems, ...(await checkOplog(backup, context))], collections };
}

/** Its order is not asked for: logs are joined by hand, and replayed as they come. */
async function checkOplog({ oplog }: OpenedBackup, { signal }: VerifyContext): Promise<Problem[]> {
  if (oplog === null) return [];
  const report = (problem: string) => [
    { file: basename(oplog.file.path), chunk: null, document: null, problem },
  ];
  try {
    for await (const entry of readEntries(oplog, signal)) {
      const { ts, op } = glance(entry, 0);
      if (ts.t === 0 || op === "") return report("it has an entry that is not one of an oplog");
    }
    return [];
  } catch (error) {
    return report(asDamage(error).problem);
  }
}

async function checkMetadata(
  { path }: OpenedBackup,
  collection: ArchivedCollection,
): Promise<Problem[]> {
  try {
    await readMetadata(collection);
    return [];
  } catch (error) {
    const file = relative(path, collection.metadataFile?.path ?? path) || basename(path);
    return [{ file, chunk: null, document: null, problem: asDamage(error).problem }];
  }
}

function toVerification(
  id: string,
  level: CheckLevel,
  findings: Findings,
  began: number,
  clock: Clock,
): Verification {
  return {
    schema: 1,
    id,
    ok: findings.problems.length === 0,
    level,
    verifiedAt: new Date(clock.now()).toISOString(),
    seconds: Math.round(performance.now() - began) / 1000,
    problems: findings.problems,
    collections: findings.collections,
  };
}
