// Every kind of collection comes back as what it was, with its order, its rules and its history of rules.
import assert from "node:assert/strict";
import { GridFSBucket, Int32, Long } from "mongodb";
import type { Document } from "mongodb";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { createRandom } from "../support/random.ts";
import { requires } from "../support/requires.ts";
import { thereAndBack } from "../support/there-and-back.ts";

const LATER = 10 * 365 * 86_400;

requires(
  { topology: "replicaSet" },
  "capped collections keep their order, also when they have begun to overwrite, and their limits",
  async (t, fresh) => {
    const { db } = fresh;
    await db.createCollection("by count", { capped: true, size: 1 << 20, max: 100 });
    await db.createCollection("by size", { capped: true, size: 64 * 1024 });
    await db.createCollection("large", { capped: true, size: 8 << 20 });
    const random = createRandom(7);
    for (const name of ["by count", "by size"])
      await db.collection<{ _id: number; n: number; fill: string }>(name).insertMany(
        Array.from({ length: 300 }, (_, n) => ({
          _id: random.below(1 << 30),
          n,
          fill: "x".repeat(900),
        })),
      );
    await db
      .collection("large")
      .insertMany(
        Array.from({ length: 3_000 }, (_, n) => ({ n, fill: "y".repeat(random.below(3_000)) })),
      );
    await db.collection("by count").createIndex({ n: -1 });
    const inOrder = async () => {
      const found: unknown[] = [];
      for (const name of ["by count", "by size", "large"])
        found.push(
          await db
            .collection(name)
            .find({}, { sort: { $natural: 1 } })
            .toArray(),
        );
      return found;
    };
    const before = await inOrder();
    await thereAndBack(t, fresh);
    assert.deepEqual(await inOrder(), before);
  },
);

requires(
  { topology: "replicaSet", server: ">=6.0" },
  "every option of a collection comes back: rules, collations, images, expiry, storage",
  async (t, fresh) => {
    const { db } = fresh;
    const create = (name: string, options: Document) => db.command({ create: name, ...options });
    await create("clustered", {
      clusteredIndex: { key: { _id: 1 }, unique: true, name: "by time" },
      expireAfterSeconds: LATER,
    });
    await create("images", { changeStreamPreAndPostImages: { enabled: true } });
    await create("no images", { changeStreamPreAndPostImages: { enabled: false } });
    await create("zlib", {
      storageEngine: { wiredTiger: { configString: "block_compressor=zlib" } },
    });
    await create("collated", {
      collation: {
        locale: "fr",
        strength: 1,
        caseLevel: true,
        caseFirst: "upper",
        numericOrdering: true,
        alternate: "shifted",
        maxVariable: "space",
        normalization: true,
      },
    });
    await create("own _id index", { idIndex: { key: { _id: 1 }, name: "_id_" } });
    await create("rules off", { validator: { a: 1 }, validationLevel: "off" });
    await create("rules warn", {
      validator: { $expr: { $gt: ["$a", "$b"] } },
      validationAction: "warn",
    });
    await create("rules in order", {
      validator: {
        $and: [
          { z: { $type: "int" } },
          { $or: [{ "10": 1 }, { "2": { $in: [Long.fromNumber(1), new Int32(1)] } }] },
        ],
        $jsonSchema: {
          title: "t",
          required: ["z", "a"],
          properties: { "9": {}, "1": { enum: [null, "x"] } },
        },
      },
      validationLevel: "moderate",
      validationAction: "error",
    });
    await db
      .collection<{ _id: unknown }>("clustered")
      .insertMany([{ _id: "b" }, { _id: 5 }, { _id: new Date(0) }]);
    await db.collection("images").insertOne({ a: 1 });
    await db.collection("images").updateOne({}, { $set: { a: 2 } });
    await db.collection("system.js").insertOne({ _id: "add" as never, value: "f" });
    await thereAndBack(t, fresh);
  },
);

requires(
  { topology: "replicaSet" },
  "documents that break the rules made after them come back, and the rules with them",
  async (t, fresh) => {
    const { db } = fresh;
    await db.collection("patients").insertMany([{ mrn: 1 }, { mrn: "ok" }, {}]);
    await db.command({
      collMod: "patients",
      validator: {
        $jsonSchema: { required: ["mrn"], properties: { mrn: { bsonType: "string" } } },
      },
      validationLevel: "strict",
      validationAction: "error",
    });
    await thereAndBack(t, fresh);
    await assert.rejects(db.collection("patients").insertOne({ mrn: 2 }), /failed validation/);
  },
);

requires(
  { topology: "replicaSet", server: ">=6.0" },
  "time series come back bucket by bucket, with options, indexes and measurements of changing types",
  async (t, fresh) => {
    const { db } = fresh;
    const series = { timeField: "at", metaField: "patient", granularity: "minutes" } as const;
    await db.createCollection("vitals", { timeseries: series, expireAfterSeconds: LATER });
    await db.createCollection("without meta", { timeseries: { timeField: "at" } });
    const measure = (n: number) => ({
      at: new Date(1_790_000_000_000 + n * 30_000),
      patient: { ward: n % 5, tags: ["a", n % 2] },
      hr: n % 50 === 0 ? "lost" : 60 + (n % 40),
      ...(n % 7 === 0 ? { where: { type: "Point", coordinates: [n % 90, 1] } } : {}),
    });
    await db.collection("vitals").insertMany(Array.from({ length: 3_000 }, (_, n) => measure(n)));
    await db
      .collection("without meta")
      .insertMany([{ at: new Date(1) }, { at: new Date(2), x: {} }]);
    await db.command({
      createIndexes: "vitals",
      indexes: [
        { key: { "patient.ward": 1, at: -1 }, name: "ward" },
        { key: { where: "2dsphere" }, name: "where" },
        { key: { hr: 1 }, name: "high", partialFilterExpression: { "patient.ward": { $gt: 3 } } },
      ],
    });
    await db.createCollection("latest", { viewOn: "vitals", pipeline: [{ $sort: { at: -1 } }] });
    const before = await db.collection("vitals").find().sort({ at: 1 }).toArray();
    await thereAndBack(t, fresh);
    assert.deepEqual(await db.collection("vitals").find().sort({ at: 1 }).toArray(), before);
  },
);

requires(
  { topology: "replicaSet", server: ">=6.0" },
  "buckets that hold measurements of mixed types, as older servers made them, come back",
  async (t, fresh) => {
    const { db } = fresh;
    await db.createCollection("old", { timeseries: { timeField: "at" } });
    await db.collection("old").insertOne({ at: new Date(1_790_000_000_000), v: 1 });
    const buckets = db.collection("system.buckets.old");
    await buckets.updateOne(
      {},
      { $set: { "control.max.v": "text", "data.v": { 0: 1, 1: "text" } } },
    );
    await thereAndBack(t, fresh);
  },
);

requires(
  { topology: "replicaSet" },
  "views on views come back whatever their names, with pipelines whose order of keys has a meaning",
  async (t, fresh) => {
    const { db } = fresh;
    await db.collection("z base").insertMany([{ a: 1 }, { a: 2 }]);
    const stage = new Map<string, unknown>([
      ["b", 1],
      ["10", 1],
      ["2", -1],
    ]);
    const view = (name: string, viewOn: string, ...pipeline: Document[]) =>
      db.command({ create: name, viewOn, pipeline });
    await view("m", "z base", { $match: { a: { $gt: 1 } } });
    await view("a", "m", { $sort: stage });
    await view("b", "a", { $lookup: { from: "c", as: "x", pipeline: [{ $limit: 1 }] } });
    await view("c", "z base", { $unionWith: "not there" });
    await view("of nothing", "missing");
    await thereAndBack(t, fresh);
    assert.equal((await db.collection("a").find().toArray()).length, 1);
  },
);

requires(
  { topology: "replicaSet" },
  "files in GridFS come back, read through the driver",
  async (t, fresh) => {
    const bytes = createRandom(11).bytes(1_500_000);
    const upload = new GridFSBucket(fresh.db).openUploadStream("scan.dcm", {
      metadata: { of: "p1" },
    });
    await pipeline(Readable.from([bytes]), upload);
    await thereAndBack(t, fresh);
    const found = await buffer(new GridFSBucket(fresh.db).openDownloadStreamByName("scan.dcm"));
    assert.ok(found.equals(bytes));
  },
);
