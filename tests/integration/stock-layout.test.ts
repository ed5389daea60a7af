// Names and metadata against the stock tools: mongodump's files must mean the same to us, and ours to mongorestore.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { BSON } from "mongodb";
import type { Db, Document } from "mongodb";
import { dataPath, escapeName, metadataPath, unescapeName } from "../../src/archive/layout.ts";
import type { ManifestBody } from "../../src/archive/manifest.ts";
import { formatMetadata, parseMetadata } from "../../src/archive/metadata.ts";
import type { CollectionMetadata } from "../../src/archive/metadata.ts";
import type { Verification } from "../../src/archive/verification.ts";
import { createPartial } from "../../src/archive/writer.ts";
import { createEncoder, suffixOf } from "../../src/codec/create.ts";
import type { CompressionAlgorithm } from "../../src/codec/codec.ts";
import { requires } from "../support/requires.ts";
import { runStockTool } from "../support/stock-tools.ts";
import { temporaryFolder } from "../support/temporary.ts";

const HOSTILE_NAMES = [
  "plain",
  "a/b",
  "a/../../etc/passwd",
  "-rf",
  "%2e%2e",
  "%24",
  "with space",
  "new\nline",
  "Ünïcode – Größe",
  "手術",
  "💉🩺",
  "a+b=c&d?e#f:g;h,i@j",
  "quote\"and'back\\slash",
  "x.bson",
  "x.bson.gz",
  "x.metadata.json",
  "<script>*|~^`{}[]()!",
  "L".repeat(180),
  "ü".repeat(60),
  "+".repeat(100),
  "手".repeat(55),
];

/**
 * What mongorestore cannot do with its own dumps either: it passes over names with a line break (TOOLS-3822),
 * and takes `+` for a space in names that were cut.
 */
const RESTORABLE = HOSTILE_NAMES.filter(
  (name) => !name.includes("\n") && !(name.startsWith("+") && name.length > 79),
);

/** As Maps: an object would move the integer-like names to the front. */
const keyOf = (...fields: [string, unknown][]) => new Map(fields);
const orderedKey = keyOf(["z", 1], ["10", -1], ["2", 1]);

async function createIndexes(db: Db, collection: string, indexes: readonly Document[]) {
  await db.command({ createIndexes: collection, indexes });
}

/** Raw answers of the server, as the dump reads them. */
async function metadataOf(db: Db, name: string): Promise<CollectionMetadata> {
  const info = (
    await db.listCollections({ name }, { promoteValues: false }).toArray()
  )[0] as Document;
  const indexes = await db.collection(name).listIndexes({ raw: true }).toArray();
  const { uuid: id } = info.info as { uuid?: BSON.UUID };
  const uuid = id?.toString("hex").replaceAll("-", "") ?? null;
  return {
    collectionName: name,
    type: String(info.type),
    uuid,
    options: BSON.serialize(info.options as Document),
    indexes: indexes as unknown as Uint8Array[],
  };
}

requires(
  { topology: "replicaSet" },
  "mongodump's file names mean the same to us",
  async (t, { db, name, serverUri }) => {
    for (const collection of HOSTILE_NAMES)
      await db.collection(collection).insertOne({ of: collection });
    const out = await temporaryFolder(t);
    await runStockTool("mongodump", ["--uri", serverUri, "--db", name, "--out", out]);
    const files = (await readdir(join(out, name))).filter((f) => f.endsWith(".bson"));
    const names = new Set<string>();
    for (const file of files) {
      const base = file.slice(0, -".bson".length);
      const metadata = parseMetadata(
        await readFile(join(out, name, `${base}.metadata.json`), "utf8"),
      );
      const told = unescapeName(base);
      if (told !== null) assert.equal(told, metadata.collectionName);
      names.add(metadata.collectionName);
    }
    assert.deepEqual([...names].sort(), [...HOSTILE_NAMES].sort());
  },
);

for (const algorithm of ["gzip", "zstd", "none"] as const)
  requires(
    { topology: "replicaSet" },
    `mongorestore restores our names, metadata and data (${algorithm})`,
    async (t, fresh) => {
      const { db, serverUri } = fresh;
      for (const collection of RESTORABLE) {
        await db.collection(collection).insertOne({ _id: 1, of: collection } as Document);
        await createIndexes(db, collection, [{ name: "order", key: orderedKey }]);
      }
      const path = await writeBackup(await temporaryFolder(t), db, algorithm);
      const indexesOf = (collection: string) =>
        db.collection(collection).listIndexes({ raw: true }).toArray();
      const indexes = new Map<string, unknown>();
      for (const collection of RESTORABLE) indexes.set(collection, await indexesOf(collection));
      await db.dropDatabase();
      // The command of docs/format.md; `zstd -r` would refuse the other files of the folder.
      if (algorithm === "zstd")
        execFileSync("find", [path, "-name", "*.zst", "-exec", "zstd", "-dq", "--rm", "{}", "+"]);
      const zip = algorithm === "gzip" ? ["--gzip"] : [];
      await runStockTool("mongorestore", ["--uri", serverUri, "--dir", path, ...zip]);
      for (const collection of RESTORABLE) {
        const found = await db.collection(collection).find().toArray();
        assert.deepEqual(found, [{ _id: 1, of: collection }]);
        assert.deepEqual(await indexesOf(collection), indexes.get(collection), collection);
      }
      const there = await db.listCollections().toArray();
      assert.deepEqual(there.map((c) => c.name).sort(), [...RESTORABLE].sort());
    },
  );

requires(
  { topology: "replicaSet" },
  "metadata of ours says what mongodump's says, in the same order",
  async (t, { db, name, serverUri }) => {
    await db.createCollection("rich", {
      validator: {
        $jsonSchema: {
          bsonType: "object",
          required: ["a"],
          properties: { "10": { minimum: 1.5 } },
        },
      },
      validationLevel: "moderate",
      validationAction: "warn",
      collation: { locale: "de", strength: 2, numericOrdering: true },
      storageEngine: { wiredTiger: { configString: "block_compressor=zlib" } },
    });
    await db.createCollection("capped", { capped: true, size: 4096 * 16, max: 500 });
    await db.createCollection("series", {
      timeseries: { timeField: "at", metaField: "patient", granularity: "minutes" },
      expireAfterSeconds: 86_400,
    });
    await db.createCollection("view", {
      viewOn: "rich",
      pipeline: [{ $match: { b: 1, "0": { $gt: new Date(5) } } }],
    });
    await createIndexes(db, "rich", [
      { name: "order", unique: true, key: orderedKey },
      {
        name: "text",
        key: keyOf(["t", "text"], ["5", 1]),
        weights: { t: 3 },
        default_language: "german",
        collation: { locale: "simple" },
      },
      { name: "where", key: keyOf(["where", "2dsphere"]), sparse: true },
      {
        name: "seen",
        key: keyOf(["seen", 1]),
        expireAfterSeconds: 60,
        partialFilterExpression: { b: { $gt: BSON.Long.fromNumber(3) }, "1": { $exists: true } },
      },
      {
        name: "all",
        key: keyOf(["$**", 1]),
        wildcardProjection: keyOf(["z", 0], ["9", 0]),
        hidden: true,
      },
    ]);
    const out = await temporaryFolder(t);
    await runStockTool("mongodump", ["--uri", serverUri, "--db", name, "--out", out]);
    for (const collection of ["rich", "capped", "series"]) {
      const path = join(out, name, `${escapeName(collection)}.metadata.json`);
      const theirs = parseMetadata(await readFile(path, "utf8"));
      const ours = parseMetadata(formatMetadata(await metadataOf(db, collection)));
      assert.deepEqual(theirs.indexes, ours.indexes, collection);
      assert.equal(theirs.collectionName, ours.collectionName);
      assert.equal(theirs.type, ours.type);
      if (collection !== "series") assert.equal(theirs.uuid, ours.uuid);
      // mongodump keeps the options in a map without order.
      assert.deepEqual(decoded(theirs.options), decoded(ours.options), collection);
    }
  },
);

const decoded = (raw: Uint8Array) => BSON.deserialize(raw, { promoteValues: false });

async function writeBackup(root: string, db: Db, algorithm: CompressionAlgorithm): Promise<string> {
  const partial = await createPartial(root, () => "2026-11-23_02-00-00");
  const gzip = createEncoder({ algorithm: "gzip", level: 1 });
  for (const { name } of await db.listCollections().toArray()) {
    const file = await partial.openDataFile(
      dataPath(db.databaseName, name, suffixOf(algorithm)),
      createEncoder({ algorithm, level: null }),
      2,
    );
    for (const raw of await db.collection(name).find({}, { raw: true }).toArray())
      await file.append(raw as unknown as Buffer);
    await file.close();
    const text = Buffer.from(formatMetadata(await metadataOf(db, name)));
    const stored = algorithm === "gzip" ? await gzip.encode(text) : text;
    await partial.writeFile(metadataPath(db.databaseName, name, algorithm), stored);
  }
  const { path } = await partial.seal({ schema: 1 } as ManifestBody, { schema: 1 } as Verification);
  return path;
}
