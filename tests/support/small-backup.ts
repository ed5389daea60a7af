// A sealed backup of a few real documents in two collections, made without a server: to be damaged in every way.
import { BSON } from "mongodb";
import { formatMetadata } from "../../src/archive/metadata.ts";
import { dataPath, metadataPath } from "../../src/archive/layout.ts";
import type { Manifest, ManifestBody, ManifestCollection } from "../../src/archive/manifest.ts";
import { ON_DISK } from "../../src/archive/place.ts";
import type { Place } from "../../src/archive/place.ts";
import { createPartial } from "../../src/archive/writer.ts";
import type { PartialBackup } from "../../src/archive/writer.ts";
import type { CompressionAlgorithm } from "../../src/codec/codec.ts";
import { createEncoder, suffixOf } from "../../src/codec/create.ts";
import { systemClock } from "../../src/util/clock.ts";
import { verifyDraft } from "../../src/verify/verify.ts";

export const SMALL_ID = "2026-11-23_02-00-00";
const ID = "2026-11-23T02:00:00.000Z";

export interface SmallBackup {
  readonly path: string;
  readonly manifest: Manifest;
}

export const quiet = () => ({
  emit: () => undefined,
  signal: new AbortController().signal,
  clock: systemClock,
});

/** `patients` in two chunks, `operations` in one. */
export async function smallBackup(
  root: string,
  algorithm: CompressionAlgorithm,
  place: Place = ON_DISK,
): Promise<SmallBackup> {
  const partial = await createPartial(root, () => SMALL_ID, place);
  const written = [
    await writeCollection(partial, algorithm, "patients", [documents(0, 3), documents(3, 2)]),
    await writeCollection(partial, algorithm, "operations", [documents(10, 2)]),
  ];
  const files = written.flatMap((w) => w.files);
  const drafts = written.map((w) => w.collection);
  const body = manifestBody(drafts, files, algorithm, place);
  const draft = await verifyDraft(partial.path, SMALL_ID, body, { ...quiet(), place });
  if (!draft.ok) throw new Error(JSON.stringify(draft.problems));
  const collections = drafts.map((c, i) => ({
    ...c,
    contentHash: draft.collections[i]?.contentHash ?? null,
  }));
  return await partial.seal(manifestBody(collections, files, algorithm, place), draft);
}

/** `count` documents back to back. */
export function documents(from: number, count: number): Buffer {
  const made = Array.from({ length: count }, (_, i) =>
    BSON.serialize({ _id: from + i, name: `patient ${from + i}`, at: new Date(0), ok: true }),
  );
  return Buffer.concat(made);
}

async function writeCollection(
  partial: PartialBackup,
  algorithm: CompressionAlgorithm,
  name: string,
  chunks: readonly Buffer[],
) {
  const path = dataPath("surg", name, suffixOf(algorithm));
  const encoder = createEncoder({ algorithm, level: null });
  const file = await partial.openDataFile(path, encoder, 2);
  for (const chunk of chunks) await file.append(chunk);
  const data = await file.close();
  const text = Buffer.from(metadataText(name));
  const metadata = await partial.writeFile(
    metadataPath("surg", name, algorithm),
    algorithm === "gzip" ? await encoder.encode(text) : text,
  );
  const collection: ManifestCollection = {
    database: "surg",
    name,
    type: "collection",
    documents: name === "patients" ? 5 : 2,
    rawBytes: data.rawBytes,
    storedBytes: data.storedBytes,
    contentHash: null,
    consistency: "snapshot",
    indexes: ["_id_"],
    files: [data.file.path, metadata.path],
  };
  return { collection, files: [data.file, metadata] };
}

function metadataText(name: string): string {
  return formatMetadata({
    collectionName: name,
    type: "collection",
    uuid: "0123456789abcdef0123456789abcdef",
    options: BSON.serialize({}),
    indexes: [BSON.serialize({ v: 2, key: { _id: 1 }, name: "_id_" })],
  });
}

function manifestBody(
  collections: readonly ManifestCollection[],
  files: ManifestBody["files"],
  algorithm: CompressionAlgorithm,
  place: Place,
): ManifestBody {
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const host = "localhost:27017";
  return {
    schema: 1,
    id: SMALL_ID,
    kind: "full",
    parent: null,
    createdAt: ID,
    finishedAt: ID,
    type: "manual",
    tier: [],
    note: null,
    tool: { name: "mongokeep", version: "0.1.0" },
    engine: "native",
    server: {
      version: "6.0.5",
      topology: "replicaSet",
      setName: "rs0",
      featureCompatibilityVersion: "6.0",
    },
    scope: { server: "rs0", hosts: [host], databases: ["surg"], exclude: [] },
    databases: ["surg"],
    consistency: { mode: "snapshot", clusterTime: { t: 1_795_000_000, i: 1 } },
    users: "not included",
    compression: { algorithm, level: null },
    encryption: place.transform?.encryption ?? null,
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
