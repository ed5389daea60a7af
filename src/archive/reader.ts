// A backup opened for reading: ours by its manifest, or a folder of stock mongodump by what lies in it.
import { basename, join } from "node:path";
import { KeepError } from "../errors.ts";
import {
  DAMAGED_SUFFIX,
  DATA_FILE,
  DRAFT_FILE,
  isBackupId,
  isInnerPath,
  isOplog,
  MANIFEST_FILE,
  METADATA_FILE,
  PARTIAL_SUFFIX,
  VERIFICATION_FILE,
} from "./layout.ts";
import { parseManifest } from "./manifest-check.ts";
import type { ArchivedCollection, OpenedBackup } from "./opened.ts";
import { fileAt, ON_DISK, placeFor } from "./place.ts";
import type { Place } from "./place.ts";
import { readWhole } from "../storage/ranges.ts";
import { refusalOf } from "../storage/refusal.ts";
import type { ReadableStorage } from "../storage/storage.ts";
import { openStockDump, openStockFile } from "./stock-dump.ts";
import { isStockData } from "./stock-files.ts";

/** Some hundred bytes a collection. */
const LONGEST_MANIFEST = 256 * 1024 * 1024;

const { signal: NEVER } = new AbortController();

/**
 * @param path absolute path of the backup's folder
 * @param signal ends the comparison of a dump's files, which may be long
 * @throws KeepError backup-not-found (no such folder), damaged (empty, or a manifest that cannot be read)
 */
export async function openBackup(
  path: string,
  where: Place = ON_DISK,
  signal: AbortSignal = NEVER,
): Promise<OpenedBackup> {
  const { storage } = where;
  if (await isLoneFile(storage, path)) return await openStockFile(path, where, signal);
  const text = await readManifestText(storage, path);
  if (text === null) return await openStockDump(path, where, signal);
  const parsed = parseManifest(text);
  if ("problem" in parsed)
    throw new KeepError("damaged", `${MANIFEST_FILE} of ${basename(path)} ${parsed.problem}`, {
      details: { file: MANIFEST_FILE },
    });
  const { manifest } = parsed;
  const place = placeFor(manifest, where);
  const collections = manifest.collections.map((c): ArchivedCollection => {
    const find = (pattern: RegExp) => {
      const relative = c.files.find((file) => pattern.test(file));
      return relative !== undefined && isInnerPath(relative)
        ? fileAt(place, join(path, relative))
        : null;
    };
    const { documents, rawBytes, contentHash, newestId = null } = c;
    return {
      database: c.database,
      name: c.name,
      type: c.type,
      dataFile: find(DATA_FILE),
      metadataFile: find(METADATA_FILE),
      expected: { documents, rawBytes, contentHash, newestId },
    };
  });
  const { algorithm } = manifest.compression;
  const log = manifest.files.find((file) => isOplog(file.path));
  const oplog = log ? { file: fileAt(place, join(path, log.path)), algorithm } : null;
  const id = basename(path);
  return { path, place, id, manifest, collections, hasOplog: oplog !== null, oplog };
}

/** false for a folder. @throws KeepError backup-not-found for what is neither that nor the file of a collection */
async function isLoneFile(storage: ReadableStorage, path: string): Promise<boolean> {
  const target = await storage.resolve(path).catch((error: unknown) => {
    if (refusalOf(error) === "missing") return null;
    throw error;
  });
  const found = target === null ? null : await storage.stat(target);
  if (found?.kind === "folder") return false;
  if (found?.kind === "file" && isStockData(path)) return true;
  throw new KeepError(
    "backup-not-found",
    found === null ? `there is no folder ${path}` : `${path} is not a folder`,
  );
}

async function readManifestText(storage: ReadableStorage, path: string): Promise<string | null> {
  const names = (await storage.list(path)).map(({ name }) => name);
  if (names.length === 0) throw new KeepError("damaged", `${path} is empty`);
  if (!names.includes(MANIFEST_FILE)) {
    assertNeverOurs(path, names);
    return null;
  }
  try {
    return (await readWhole(storage, join(path, MANIFEST_FILE), LONGEST_MANIFEST)).toString("utf8");
  } catch (error) {
    if (!(error instanceof KeepError)) throw error;
    throw new KeepError("damaged", `${MANIFEST_FILE}: ${error.message}`, {
      details: { file: MANIFEST_FILE },
      cause: error,
    });
  }
}

/** A backup of ours without its manifest must not pass for a stock dump, which promises nothing. */
function assertNeverOurs(path: string, names: readonly string[]): void {
  const name = basename(path);
  const unfinished = name.startsWith(".") && name.endsWith(PARTIAL_SUFFIX);
  const named = isBackupId(name) || name.endsWith(DAMAGED_SUFFIX);
  if (!unfinished && !named && ![VERIFICATION_FILE, DRAFT_FILE].some((own) => names.includes(own)))
    return;
  const details = { file: MANIFEST_FILE };
  if (names.includes(DRAFT_FILE))
    throw new KeepError("damaged", `${name} failed its verification when it was made`, {
      hint: `It is kept to be looked at, not to be restored: mongokeep verify ${name} says what is damaged, mongokeep list which backups are good.`,
      details,
    });
  const problem = unfinished ? `${name} was never finished` : `${MANIFEST_FILE} is missing`;
  throw new KeepError("damaged", problem, { details });
}
