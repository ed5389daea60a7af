// Files against what a manifest (or its draft, before the seal) promises: none missing, none extra, sizes,
// checksums; at level full every document too.
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import {
  DATA_FILE,
  DRAFT_FILE,
  isInnerPath,
  isOplog,
  MANIFEST_FILE,
  VERIFICATION_FILE,
} from "../archive/layout.ts";
import type {
  Consistency,
  Encryption,
  EngineName,
  ManifestCollection,
  ManifestFile,
} from "../archive/manifest.ts";
import { readMetadata } from "../archive/metadata-file.ts";
import { fileAt, ON_DISK, placeFor } from "../archive/place.ts";
import type { ArchivedFile, Place } from "../archive/place.ts";
import type { Problem, VerifiedCollection } from "../archive/verification.ts";
import type { Compression } from "../codec/codec.ts";
import type { ReadableStorage } from "../storage/storage.ts";
import { warn } from "../events.ts";
import type { Emit } from "../events.ts";
import { isForeignName } from "../util/foreign-files.ts";
import { runPool } from "../util/task-pool.ts";
import { asDamage } from "./as-damage.ts";
import { checkCollections } from "./collections.ts";
import { checkDataFile } from "./data-file.ts";
import type { ExtraCheck } from "./data-file.ts";
import { compareMetadata } from "./metadata.ts";
import { createOplogCheck } from "./oplog.ts";

export interface VerifyContext {
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Where the backup is; by default on this machine's disk. */
  readonly place?: Place;
}

export interface Promised {
  readonly engine: EngineName;
  readonly compression: Compression;
  /** Absent while it is being made. */
  readonly encryption?: Encryption | null;
  readonly consistency: Consistency;
  readonly collections: readonly ManifestCollection[];
  readonly files: readonly ManifestFile[];
}

export interface Findings {
  readonly problems: readonly Problem[];
  /** In the manifest's order; only at level full. */
  readonly collections: readonly VerifiedCollection[];
}

/** Files at once: while one inflates on the thread pool, another is walked. */
const WIDTH = 2;
const READ_BYTES = 4 * 1024 * 1024;
/** What a `verify` that was killed leaves while it replaces verification.json: no damage. */
const HALF_REPLACED = /^\.verification\.json\.\d+\.tmp$/;

export async function verifyFiles(
  path: string,
  promised: Promised,
  level: "quick" | "full",
  context: VerifyContext,
): Promise<Findings> {
  const { emit } = context;
  const place = placeFor(promised, context.place ?? ON_DISK);
  const problems: Problem[] = await compareNames(place.storage, path, promised.files, emit);
  // Before the collections' findings join: those are about files that can still be read.
  const missing = new Set(problems.map((p) => p.file));
  problems.push(...checkCollections(promised));
  const report = (file: string, problem: string, chunk?: number | null, document?: number | null) =>
    problems.push({ file, chunk: chunk ?? null, document: document ?? null, problem });
  const byFile = new Map(
    promised.collections.flatMap((c) => c.files.map((file) => [file, c] as const)),
  );
  const present = promised.files.filter((f) => !missing.has(f.path));
  const verified = new Map<ManifestCollection, VerifiedCollection>();
  const progress = createProgress(emit, promised);
  await runPool(present, WIDTH, context.signal, async (file, signal) => {
    const collection = byFile.get(file.path);
    const stored = fileAt(place, join(path, file.path));
    if (level === "quick" || !DATA_FILE.test(file.path)) {
      await checkPlain(stored, file, { collection, engine: promised.engine }, signal, report);
      return;
    }
    const extra = isOplog(file.path) ? oplogCheck(promised) : {};
    const checked = await checkDataFile(stored, signal, progress, extra);
    if (checked.damage) {
      const { problem, chunk, document } = checked.damage;
      report(file.path, problem, chunk, document);
    } else compareFile(file, checked, report);
    if (!collection || checked.damage) return;
    compareCollection(file.path, collection, checked, report);
    const { documents, rawBytes, contentHash, newestId } = checked;
    const { database, name } = collection;
    verified.set(collection, { database, name, documents, rawBytes, contentHash, newestId });
  });
  problems.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0));
  const collections = promised.collections.flatMap((c) => verified.get(c) ?? []);
  return { problems, collections };
}

const oplogCheck = ({ compression, consistency }: Promised): ExtraCheck => ({
  algorithm: compression.algorithm,
  inspect: createOplogCheck(consistency),
});

type Report = (
  file: string,
  problem: string,
  chunk?: number | null,
  document?: number | null,
) => void;

function createProgress(emit: Emit, promised: Promised) {
  const totalBytes = promised.collections.reduce((sum, c) => sum + c.rawBytes, 0);
  let documents = 0;
  let bytes = 0;
  return (moreDocuments: number, moreBytes: number) => {
    documents += moreDocuments;
    bytes += moreBytes;
    emit({ kind: "progress", step: "verify", documents, bytes, totalBytes });
  };
}

/** Missing and extra files, and files of another size or kind. */
async function compareNames(
  storage: ReadableStorage,
  path: string,
  files: readonly ManifestFile[],
  emit: Emit,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  const report = (file: string, problem: string) =>
    problems.push({ file, chunk: null, document: null, problem });
  const expected = new Map(files.map((f) => [f.path, f]));
  const foreign: string[] = [];
  const there = await listFiles(storage, path, expected);
  for (const [name, kind] of there) {
    if (name === MANIFEST_FILE || name === VERIFICATION_FILE) continue;
    if (name === DRAFT_FILE && !there.has(MANIFEST_FILE)) continue;
    if (HALF_REPLACED.test(name) && kind === "file") continue;
    if (!expected.has(name)) {
      if (name.split("/").some(isForeignName)) foreign.push(name);
      else report(name, "the file is not in the manifest");
    } else if (kind !== "file") report(name, "it is not a plain file");
  }
  for (const { path: name, bytes } of files) {
    if (!isInnerPath(name)) report(name, "the path leads out of the backup");
    else if (!there.has(name)) report(name, "the file is missing");
    else if (there.get(name) === "file") {
      const size = (await storage.stat(join(path, name)))?.bytes ?? 0;
      if (size !== bytes) report(name, `the file has ${size} bytes, and should have ${bytes}`);
    }
  }
  if (foreign.length > 0) tellForeign(path, foreign, emit);
  return problems;
}

const MOST_NAMED = 5;

/** They belong to a file server, a desktop or an editor: nothing of the backup is in them, or lacks for them. */
function tellForeign(path: string, names: readonly string[], emit: Emit): void {
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : "";
  const message = `${basename(path)} has files of other programs beside its own, which are passed over: ${names.slice(0, MOST_NAMED).join(", ")}${more}`;
  warn(emit, "foreign-files", message);
}

/**
 * Everything in the folder and its folders; links are named, never followed, nor are folders of other programs,
 * which may not be ours to read.
 */
async function listFiles(
  storage: ReadableStorage,
  root: string,
  expected: ReadonlyMap<string, ManifestFile>,
): Promise<Map<string, "file" | "other">> {
  const found = new Map<string, "file" | "other">();
  const own = new Set([...expected.keys()].map((path) => path.split("/", 1)[0]));
  for (const { name, kind } of await storage.list(root)) {
    const isForeign = isForeignName(name) && !own.has(name);
    if (kind !== "folder" || isForeign) {
      found.set(name, kind === "file" ? "file" : "other");
      continue;
    }
    for (const inner of await storage.list(join(root, name)))
      found.set(`${name}/${inner.name}`, inner.kind === "file" ? "file" : "other");
  }
  return found;
}

/** Checksum; for metadata also that it can be read, and is that of its collection. */
async function checkPlain(
  file: ArchivedFile,
  expected: ManifestFile,
  {
    collection,
    engine,
  }: Pick<Promised, "engine"> & { readonly collection: ManifestCollection | undefined },
  signal: AbortSignal,
  report: Report,
): Promise<void> {
  try {
    if ((await sha256OfStored(file, signal)) !== expected.sha256) {
      report(expected.path, "the file fails its checksum");
      return;
    }
    if (DATA_FILE.test(expected.path)) return;
    const metadata = await readMetadata({ metadataFile: file });
    const problem = collection && metadata ? compareMetadata(collection, metadata, engine) : null;
    if (problem !== null) report(expected.path, problem);
  } catch (error) {
    report(expected.path, asDamage(error).problem);
  }
}

/** Of the bytes as they are stored: a checksum needs no transform to be reversed. */
async function sha256OfStored(
  { storage, path }: ArchivedFile,
  signal: AbortSignal,
): Promise<string> {
  const file = await storage.open(path, signal);
  const hash = createHash("sha256");
  // Metadata is short, and there may be thousands of them.
  const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, Math.max(1, file.bytes)));
  try {
    for (let at = 0; ;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}

function compareFile(
  expected: ManifestFile,
  checked: { readonly storedBytes: number; readonly sha256: string | null },
  report: Report,
): void {
  if (checked.storedBytes !== expected.bytes || checked.sha256 !== expected.sha256)
    report(expected.path, "the file fails its checksum");
}

function compareCollection(
  file: string,
  expected: ManifestCollection,
  checked: {
    readonly documents: number;
    readonly rawBytes: number;
    readonly contentHash: string | null;
  },
  report: Report,
): void {
  if (checked.documents !== expected.documents)
    report(file, `it holds ${checked.documents} documents, and should hold ${expected.documents}`);
  else if (checked.rawBytes !== expected.rawBytes)
    report(file, `it holds ${checked.rawBytes} bytes, and should hold ${expected.rawBytes}`);
  else if (expected.contentHash !== null && checked.contentHash !== expected.contentHash)
    report(file, "its documents are not those that were backed up");
}
