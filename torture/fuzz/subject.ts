// A small backup in memory that can be changed and sealed again with correct checksums, as a fault in mongokeep, or
// somebody who can write to the folder, might do. None of the tested code is used for reading here.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BSON } from "mongodb";
import { formatManifest } from "../../src/archive/seal.ts";
import type { ManifestBody } from "../../src/archive/manifest.ts";
import { formatMetadata } from "../../src/archive/metadata.ts";
import { createContentHash } from "../../src/bson/content-hash.ts";
import type { CompressionAlgorithm } from "../../src/codec/codec.ts";
import { createEncoder, suffixOf } from "../../src/codec/create.ts";
import { SMALL_ID, smallBackup } from "../../tests/support/small-backup.ts";
import type { Ground } from "../runner/ground.ts";

export const DB = "surg";
export const NAMES = ["patients", "operations"] as const;
type Changed<T> = { -readonly [K in keyof T]: T[K] extends object | null ? Changed<T[K]> : T[K] };
export type Body = Changed<ManifestBody>;

export interface Subject {
  readonly algorithm: CompressionAlgorithm;
  readonly body: Body;
  readonly files: Map<string, Buffer>;
  /** Of each data file, its chunks of documents. */
  readonly raw: Map<string, readonly Buffer[]>;
}

export async function createSubject(algorithm: CompressionAlgorithm): Promise<Subject> {
  const root = await mkdtemp(join(memoryFolder(), "mongokeep-torture-"));
  const { manifest } = await smallBackup(root, algorithm).finally(() =>
    rm(root, { recursive: true }),
  );
  const body = { ...structuredClone(manifest), collections: [], files: [] } as unknown as Body;
  Reflect.deleteProperty(body, "sha256");
  const subject: Subject = { algorithm, body, files: new Map(), raw: new Map() };
  await addCollection(subject, "patients", [awkward(), plain(0, 3)]);
  await addCollection(subject, "operations", [plain(10, 2)]);
  fixTotals(subject);
  return subject;
}

async function addCollection(subject: Subject, name: string, chunks: readonly Buffer[]) {
  const { algorithm, body, files } = subject;
  const data = `${DB}/${name}.bson${suffixOf(algorithm)}`;
  const metadata = `${DB}/${name}.metadata.json${algorithm === "gzip" ? ".gz" : ""}`;
  const stored = await encodeChunks(algorithm, chunks);
  files.set(data, stored);
  subject.raw.set(data, chunks);
  files.set(metadata, await encodeText(algorithm, metadataText(name)));
  const whole = Buffer.concat(chunks);
  const documents = chunks.reduce((sum, chunk) => sum + countDocuments(chunk), 0);
  body.collections.push({
    ...{ database: DB, name, type: "collection", documents, rawBytes: whole.length },
    ...{ storedBytes: stored.length, contentHash: await hashOf(whole), consistency: "snapshot" },
    ...{ indexes: ["_id_"], files: [data, metadata] },
  });
  for (const path of [data, metadata]) body.files.push({ path, bytes: 0, sha256: "" });
}

/** Every kind of value, deep and repeated. */
function awkward(): Buffer {
  let deep: BSON.Document = { end: 1 };
  for (let depth = 0; depth < 30; depth++) deep = depth % 2 ? { d: deep } : { d: [deep] };
  const documents = [
    { _id: 100, deep },
    {
      ...{ _id: "text", b: new BSON.Binary(Buffer.from("x"), 2), r: /a/i, d: new Date(0) },
      ...{ l: BSON.Long.MAX_VALUE, c: new BSON.Code("f", { x: 1 }), t: new BSON.Timestamp(5n) },
      ...{ n: null, o: new BSON.ObjectId("0".repeat(24)), m: new BSON.MinKey(), f: 1.5 },
      ...{ dec: BSON.Decimal128.fromString("1.10"), a: [1, "2", { three: 3 }], e: "" },
    },
  ];
  return Buffer.concat(documents.map((one) => BSON.serialize(one)));
}

function plain(from: number, count: number): Buffer {
  const made = Array.from({ length: count }, (_, i) =>
    BSON.serialize({ _id: from + i, name: `patient ${from + i}`, at: new Date(0), ok: true }),
  );
  return Buffer.concat(made);
}

export function metadataText(name: string): string {
  return formatMetadata({
    ...{ collectionName: name, type: "collection", uuid: "0123456789abcdef0123456789abcdef" },
    options: BSON.serialize({}),
    indexes: [BSON.serialize({ v: 2, key: { _id: 1 }, name: "_id_" })],
  });
}

export async function encodeText(algorithm: CompressionAlgorithm, text: string): Promise<Buffer> {
  const bytes = Buffer.from(text);
  if (algorithm !== "gzip") return bytes;
  return Buffer.from(await createEncoder({ algorithm, level: null }).encode(bytes));
}

export async function encodeChunks(
  algorithm: CompressionAlgorithm,
  chunks: readonly Buffer[],
): Promise<Buffer> {
  const encoder = createEncoder({ algorithm, level: null });
  const stored: Uint8Array[] = [];
  for (const chunk of chunks) stored.push(await encoder.encode(chunk));
  const sizes = stored.map(({ length }, i) => ({
    storedBytes: length,
    rawBytes: chunks[i]?.length ?? 0,
  }));
  return Buffer.concat([...stored, await encoder.finish(sizes)]);
}

/** By their lengths only, as far as these lead. */
export function countDocuments(raw: Buffer): number {
  let count = 0;
  for (let at = 0; at + 4 <= raw.length; count++) {
    const length = raw.readInt32LE(at);
    if (length < 5) return count;
    at += length;
  }
  return count;
}

/** null where the documents' lengths do not lead to the end. */
export async function hashOf(raw: Buffer): Promise<string | null> {
  for (let at = 0; at < raw.length;) {
    const length = at + 4 > raw.length ? 0 : raw.readInt32LE(at);
    if (length < 5 || at + length > raw.length) return null;
    at += length;
  }
  const hash = await createContentHash();
  hash.add(raw);
  return hash.digest();
}

/** Sizes and checksums of the files as they are now, and the sums of it all. */
export function fixTotals({ body, files }: Pick<Subject, "body" | "files">): void {
  for (const file of body.files) {
    const bytes = files.get(file.path);
    if (!bytes) continue;
    file.bytes = bytes.length;
    file.sha256 = createHash("sha256").update(bytes).digest("hex");
  }
  for (const collection of body.collections) {
    const data = files.get(collection.files[0] ?? "");
    if (data) collection.storedBytes = data.length;
  }
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  body.totals = {
    collections: body.collections.length,
    documents: sum(body.collections.map((c) => c.documents)),
    rawBytes: sum(body.collections.map((c) => c.rawBytes)),
    storedBytes: sum(body.files.map((f) => f.bytes)),
  };
}

/** A subject of its own for a trial. */
export function copyOf(subject: Subject): Subject {
  return {
    ...subject,
    body: structuredClone(subject.body),
    files: new Map(subject.files),
    raw: new Map(subject.raw),
  };
}

export const sealed = (body: unknown) => Buffer.from(formatManifest(body as ManifestBody).text);

export interface Lair {
  /** Nothing but BACKUP_DIR and the settings may ever lie in it. */
  readonly base: string;
  readonly root: string;
  /** Of the backup that is changed. */
  readonly path: string;
  readonly envFile: string;
  /** Makes the folder have these files, and no others. */
  readonly lay: (files: ReadonlyMap<string, Buffer>) => Promise<void>;
}

function memoryFolder(): string {
  return existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
}

export async function createLair(ground: Ground, uri: string): Promise<Lair> {
  const base = await mkdtemp(join(memoryFolder(), "mongokeep-torture-"));
  ground.after(() => rm(base, { recursive: true, force: true }));
  const root = join(base, "backups");
  const path = join(root, SMALL_ID);
  const envFile = join(base, ".env");
  await mkdir(root, { mode: 0o700 });
  const text = `MONGODB_URI='${uri}'\nBACKUP_DIR='${root}'\nDISK_WARN_FREE=0\nDISK_ABORT_FREE=0\n`;
  await writeFile(envFile, text, { mode: 0o600 });
  let before: ReadonlyMap<string, Buffer> = new Map();
  return {
    ...{ base, root, path, envFile },
    async lay(files) {
      const there = await readdir(path).catch(() => []);
      if (there.length === 0) before = new Map();
      for (const name of before.keys())
        if (!files.has(name)) await rm(join(path, name), { force: true });
      for (const [name, bytes] of files) {
        if (before.get(name) === bytes) continue;
        await mkdir(dirname(join(path, name)), { recursive: true, mode: 0o700 });
        await writeFile(join(path, name), bytes, { mode: 0o600 });
      }
      before = new Map(files);
    },
  };
}
