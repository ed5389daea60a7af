// Writes the frozen backups of a format, once: it refuses to touch what is there.
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BSON } from "mongodb";
import { dataPath, metadataPath } from "../../src/archive/layout.ts";
import type { ManifestBody, ManifestCollection, ManifestFile } from "../../src/archive/manifest.ts";
import { formatMetadata } from "../../src/archive/metadata.ts";
import { createPartial } from "../../src/archive/writer.ts";
import type { PartialBackup } from "../../src/archive/writer.ts";
import { rawDocument, rawElement } from "../../src/bson/build.ts";
import { createEncoder, suffixOf } from "../../src/codec/create.ts";
import type { CompressionAlgorithm } from "../../src/codec/codec.ts";
import { effectiveLevel } from "../../src/codec/levels.ts";
import { manualClock } from "../../src/util/clock.ts";
import { verifyDraft } from "../../src/verify/verify.ts";
import { ALGORITHMS, FROZEN_ID, frozenPath } from "./frozen.ts";

const MOMENT = "2026-11-23T02:00:00.000Z";
const DATABASE = "surg";

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value, 0);
  return bytes;
}

/** What a driver would change: every deprecated type, repeated and empty names, a NaN's payload, broken UTF-8. */
function awkward(): Buffer {
  const id = (n: number) => rawElement(0x10, "_id", int32(n));
  const pointer = Buffer.concat([int32(2), Buffer.from("c\0"), Buffer.alloc(12, 7)]);
  return Buffer.concat([
    rawDocument(id(1), rawElement(0x10, "a", int32(1)), rawElement(0x10, "a", int32(2))),
    rawDocument(id(2), rawElement(0x10, "", int32(1)), rawElement(0x06, "u", Buffer.alloc(0))),
    rawDocument(id(3), rawElement(0x0e, "s", Buffer.from("\x02\0\0\0s\0"))),
    rawDocument(id(4), rawElement(0x0c, "p", pointer)),
    rawDocument(id(5), rawElement(0x01, "n", Buffer.from("0123456789abf87f", "hex"))),
    rawDocument(id(6), rawElement(0x02, "t", Buffer.from("03000000fffe00", "hex"))),
    Buffer.from(BSON.serialize({ _id: 7, code: new BSON.Code("f()", { x: 1 }), at: new Date(0) })),
  ]);
}

function patients(from: number, count: number): Buffer {
  const made = Array.from({ length: count }, (_, i) =>
    BSON.serialize({ _id: from + i, name: `patient ${from + i}`, note: "as before. ".repeat(i) }),
  );
  return Buffer.concat(made);
}

const CONTENT: readonly (readonly [name: string, chunks: readonly Buffer[] | null])[] = [
  ["patients", [patients(0, 5), patients(5, 3), awkward()]],
  ["empty", []],
  ["手術 a/b", [patients(100, 2)]],
  // So long that its file name is cut: the true name is in the metadata alone.
  ["手".repeat(80), [patients(200, 1)]],
  ["view", null],
];

/** An index whose keys most JSON parsers would put into another order. */
const ORDER = new Map<string, unknown>([["z", 1], ["10", -1], ["2", 1]]);
const INDEXES = [
  { v: 2, key: { _id: 1 }, name: "_id_" },
  { v: 2, key: ORDER, name: "order" },
];
const VIEW = { viewOn: "patients", pipeline: [{ $match: { _id: 1 } }] };

async function writeMetadata(
  partial: PartialBackup,
  algorithm: CompressionAlgorithm,
  name: string,
  isView: boolean,
): Promise<ManifestFile> {
  const text = formatMetadata({
    collectionName: name,
    type: isView ? "view" : "collection",
    uuid: isView ? null : "0123456789abcdef0123456789abcdef",
    options: BSON.serialize(isView ? VIEW : {}),
    indexes: isView ? [] : INDEXES.map((i) => BSON.serialize(i)),
  });
  const plain = Buffer.from(text);
  const gzip = createEncoder({ algorithm: "gzip", level: null });
  const stored = algorithm === "gzip" ? await gzip.encode(plain) : plain;
  return await partial.writeFile(metadataPath(DATABASE, name, algorithm), stored);
}

async function writeOne(
  partial: PartialBackup,
  algorithm: CompressionAlgorithm,
  name: string,
  chunks: readonly Buffer[] | null,
): Promise<{ entry: ManifestCollection; files: ManifestFile[] }> {
  const files = [await writeMetadata(partial, algorithm, name, chunks === null)];
  let sizes = { rawBytes: 0, storedBytes: 0 };
  if (chunks !== null) {
    const path = dataPath(DATABASE, name, suffixOf(algorithm));
    const file = await partial.openDataFile(path, createEncoder({ algorithm, level: null }), 2);
    for (const chunk of chunks) await file.append(chunk);
    const { rawBytes, storedBytes, file: data } = await file.close();
    sizes = { rawBytes, storedBytes };
    files.unshift(data);
  }
  const entry: ManifestCollection = {
    database: DATABASE,
    name,
    type: chunks === null ? "view" : "collection",
    documents: countDocuments(chunks ?? []),
    ...sizes,
    contentHash: null,
    consistency: chunks === null ? "none" : "snapshot",
    indexes: chunks === null ? [] : INDEXES.map((i) => i.name),
    files: files.map((f) => f.path),
  };
  return { entry, files };
}

function countDocuments(chunks: readonly Buffer[]): number {
  const bytes = Buffer.concat(chunks);
  let documents = 0;
  for (let at = 0; at < bytes.length; at += bytes.readInt32LE(at)) documents++;
  return documents;
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

function bodyOf(
  algorithm: CompressionAlgorithm,
  collections: readonly ManifestCollection[],
  files: readonly ManifestFile[],
): ManifestBody {
  return {
    schema: 1,
    id: FROZEN_ID,
    kind: "full",
    parent: null,
    createdAt: MOMENT,
    finishedAt: MOMENT,
    type: "automatic",
    tier: [],
    note: "frozen – ü手💉",
    tool: { name: "mongokeep", version: "0.1.0" },
    engine: "native",
    server: {
      version: "6.0.5",
      topology: "replicaSet",
      setName: "rs0",
      featureCompatibilityVersion: "6.0",
    },
    scope: { server: "rs0", hosts: ["localhost:27017"], databases: [DATABASE], exclude: [] },
    databases: [DATABASE],
    consistency: { mode: "snapshot", clusterTime: { t: 1_795_000_000, i: 1 } },
    users: "not included",
    compression: { algorithm, level: effectiveLevel({ algorithm, level: null }) },
    encryption: null,
    collections,
    files,
    totals: {
      collections: collections.length,
      documents: sum(collections.map((c) => c.documents)),
      rawBytes: sum(collections.map((c) => c.rawBytes)),
      storedBytes: sum(files.map((f) => f.bytes)),
    },
  };
}

/** A sealed backup in `root`, verified as a real one is; gives its path. */
async function makeBackup(root: string, algorithm: CompressionAlgorithm): Promise<string> {
  const partial = await createPartial(root, () => FROZEN_ID);
  const written: Awaited<ReturnType<typeof writeOne>>[] = [];
  for (const [name, chunks] of CONTENT)
    written.push(await writeOne(partial, algorithm, name, chunks));
  const files = written.flatMap((w) => w.files);
  const entries = written.map((w) => w.entry);
  const draft = bodyOf(algorithm, entries, files);
  const { signal } = new AbortController();
  const context = { emit: () => undefined, signal, clock: manualClock(Date.parse(MOMENT)) };
  const found = await verifyDraft(partial.path, FROZEN_ID, draft, context);
  if (!found.ok) throw new Error(JSON.stringify(found.problems));
  const hashes = new Map(found.collections.map((c) => [c.name, c.contentHash]));
  const collections = draft.collections.map((c) => ({
    ...c,
    contentHash: hashes.get(c.name) ?? null,
  }));
  const body = bodyOf(algorithm, collections, files);
  return (await partial.seal(body, { ...found, seconds: 0 })).path;
}

async function freeze(algorithm: CompressionAlgorithm, target: string): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "mongokeep-freeze-"));
  try {
    const path = await makeBackup(root, algorithm);
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    const names = entries.filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name));
    let text = "";
    for (const name of names.sort())
      text += `${name.slice(path.length + 1)} ${(await readFile(name)).toString("base64")}\n`;
    await writeFile(target, text, { flag: "wx" });
  } finally {
    await rm(root, { recursive: true });
  }
}

const [version] = process.argv.slice(2);
if (version === undefined) throw new Error("say which format: node tests/vectors/freeze.ts v2");
for (const algorithm of ALGORITHMS) await freeze(algorithm, frozenPath(`${version}-${algorithm}`));
