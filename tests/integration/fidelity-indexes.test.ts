// Every option of every kind of index comes back, byte for byte, and what cannot be built is named.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Decimal128, Double, Int32, Long } from "mongodb";
import type { Db, Document } from "mongodb";
import { withDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { runStockTool } from "../support/stock-tools.ts";
import { rawCatalog, thereAndBack } from "../support/there-and-back.ts";
import { workspace } from "../support/workspace.ts";

/** As a Map: an object would move integer-like names to the front. */
const key = (...fields: [string, unknown][]) => new Map(fields);

async function createIndexes(db: Db, collection: string, indexes: readonly Document[]) {
  await db.command({ createIndexes: collection, indexes });
}

const LATER = 10 * 365 * 86_400;

async function fillPlain(db: Db): Promise<void> {
  await db.collection("plain").insertMany([
    { a: 1, b: "x", "10": 1, tags: ["p", "q"] },
    { a: 2, b: "y", "2": 2 },
  ]);
  await createIndexes(db, "plain", [
    { name: "integer-like keys in their order", key: key(["b", 1], ["10", -1], ["2", 1]) },
    { name: "half", key: key(["a", new Double(-0.5)]) },
    { name: "tiny", key: key(["a", new Double(-1e-10)], ["b", 2.5]) },
    { name: "long", key: key(["a", Long.fromNumber(1)], ["c", 1]) },
    { name: "decimal", key: key(["a", Decimal128.fromString("-1.0")], ["d", 1]) },
    { name: "unique", key: key(["a", 1], ["e", 1]), unique: true },
    { name: "sparse", key: key(["f", 1]), sparse: true },
    { name: "explicitly false", key: key(["g", 1]), sparse: false, unique: false, hidden: false },
    { name: "hidden", key: key(["h", 1]), hidden: true },
    { name: "prepared", key: key(["i", 1]), prepareUnique: true },
    { name: "partial", key: key(["j", 1]), partialFilterExpression: { j: { $gt: 5, $lt: 9 } } },
    { name: "partial of nothing", key: key(["k", 1]), partialFilterExpression: {} },
    { name: "ttl", key: key(["l", 1]), expireAfterSeconds: LATER },
    { name: "ttl in a double", key: key(["m", 1]), expireAfterSeconds: new Double(LATER + 0.5) },
    {
      name: "ttl, partial",
      key: key(["n", 1]),
      expireAfterSeconds: new Int32(LATER),
      partialFilterExpression: { n: { $exists: true } },
    },
    {
      name: "engine",
      key: key(["o", 1]),
      storageEngine: { wiredTiger: { configString: "prefix_compression=false" } },
    },
    {
      name: "collated",
      key: key(["b", 1]),
      collation: { locale: "fr", strength: 2, caseLevel: true, backwards: true },
    },
    { name: "old format", key: key(["q", 1]), v: 1 },
    { name: "__proto__.$weird*\u0001 \u{1F9EC}", key: key(["t.u.v", 1]) },
    { name: "n".repeat(400), key: key(["w", 1]) },
    { name: "_id_hashed", key: key(["_id", "hashed"]) },
    { name: "hashed in between", key: key(["x", 1], ["y", "hashed"], ["z", -1]) },
  ]);
}

async function fillSpecial(db: Db): Promise<void> {
  await createIndexes(db, "geo", [
    { name: "sphere 2", key: key(["a", "2dsphere"]), "2dsphereIndexVersion": 2 },
    { name: "sphere 3", key: key(["b", "2dsphere"], ["n", 1]), "2dsphereIndexVersion": 3 },
    { name: "flat", key: key(["c", "2d"], ["n", -1]), bits: 20, min: -100, max: 100.5 },
  ]);
  await createIndexes(db, "notes", [
    {
      name: "text",
      key: key(["first", 1], ["title", "text"], ["body.long", "text"], ["last", -1]),
      weights: { title: 10, zzz: 2 },
      default_language: "german",
      language_override: "idioma",
      textIndexVersion: 2,
    },
  ]);
  await createIndexes(db, "every word", [{ name: "all text", key: key(["$**", "text"]) }]);
  await createIndexes(db, "wild", [
    { name: "all", key: key(["$**", 1]), wildcardProjection: key(["z", 0], ["9", 0]) },
    {
      name: "part",
      key: key(["labs.$**", 3.5]),
      partialFilterExpression: { labs: { $exists: 1 } },
    },
  ]);
}

requires(
  { topology: "replicaSet", server: ">=6.0" },
  "every option of an index comes back byte for byte",
  async (t, fresh) => {
    await fillPlain(fresh.db);
    await fillSpecial(fresh.db);
    await thereAndBack(t, fresh);
  },
);

requires(
  { topology: "replicaSet" },
  "in a collection with a collation, indexes keep theirs: the same, another, or none",
  async (t, fresh) => {
    const collation = { locale: "de", strength: 2 } as const;
    await fresh.db.createCollection("patients", { collation });
    await createIndexes(fresh.db, "patients", [
      { name: "inherited", key: key(["a", 1]) },
      { name: "another", key: key(["a", 1]), collation: { locale: "fr", strength: 1 } },
      { name: "none", key: key(["a", 1]), collation: { locale: "simple" } },
      { name: "text", key: key(["t", "text"]), collation: { locale: "simple" } },
      { name: "all", key: key(["$**", 1]), collation: { locale: "simple" } },
      { name: "hashed", key: key(["h", "hashed"]), collation: { locale: "simple" } },
      { name: "ttl", key: key(["x", 1]), expireAfterSeconds: LATER },
    ]);
    await thereAndBack(t, fresh);
  },
);

requires(
  { topology: "replicaSet" },
  "64 indexes, the most that a collection can have, are built again at once",
  async (t, fresh) => {
    const indexes = Array.from({ length: 63 }, (_, n) => ({
      name: `i${n}`,
      key: key([`f${n}`, 1]),
    }));
    await createIndexes(fresh.db, "broad", indexes);
    await fresh.db.collection("broad").insertOne({ f0: 1 });
    const { place } = await thereAndBack(t, fresh);
    assert.equal((await place.run(["verify", "latest"])).code, 0);
  },
);

requires(
  { topology: "replicaSet" },
  "a unique index that the documents break is named, without their values, and the old state is back",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    const patients = fresh.db.collection("patients");
    await patients.insertMany([{ mrn: "SECRET-77" }, { mrn: "SECRET-77" }]);
    await createIndexes(fresh.db, "patients", [{ name: "mrn_unique", key: { mrn: 1 } }]);
    const dump = place.at("dump");
    await runStockTool("mongodump", [
      `--uri=${withDatabase(fresh.serverUri, fresh.name)}`,
      `--out=${dump}`,
    ]);
    const file = join(dump, fresh.name, "patients.metadata.json");
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replace('"name":"mrn_unique"', '"unique":true,"name":"mrn_unique"'));
    await patients.drop();
    await patients.insertOne({ live: true });
    const run = await place.run(["restore", dump, "--confirm", "--json"]);
    assert.ok(run.code === 7 || run.code === 1, run.stdout);
    assert.match(run.json().error.message, /mrn_unique/);
    assert.doesNotMatch(run.stdout + run.stderr, /SECRET/);
    assert.deepEqual(await patients.find({}, { projection: { _id: 0 } }).toArray(), [
      { live: true },
    ]);
  },
);

requires(
  { topology: "replicaSet" },
  "what old versions left in an index (ns, background, dropDups, keys of true and 0) is cleaned away",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    await fresh.db.collection("patients").insertOne({ a: 1 });
    await createIndexes(fresh.db, "patients", [
      { name: "a", key: key(["a", new Double(-0.5)], ["b", 1], ["c", 1], ["d", 1]) },
    ]);
    const before = await rawCatalog(fresh);
    const dump = place.at("dump");
    await runStockTool("mongodump", [
      `--uri=${withDatabase(fresh.serverUri, fresh.name)}`,
      `--out=${dump}`,
    ]);
    const file = join(dump, fresh.name, "patients.metadata.json");
    const text = await readFile(file, "utf8");
    const legacy = `"ns":"${fresh.name}.patients","background":{"$numberDouble":"1.0"},"dropDups":true,"name":"a"`;
    const keys = `"b":true,"c":{"$numberInt":"0"},"d":""`;
    const old = text
      .replace('"name":"a"', legacy)
      .replace(/"b":\{"\$numberInt":"1"\}.*"d":\{"\$numberInt":"1"\}/, keys);
    assert.ok(old.includes(keys) && old.includes(legacy), old);
    await writeFile(file, old);
    await fresh.db.dropDatabase();
    const run = await place.run(["restore", dump, "--confirm", "--json"]);
    assert.equal(run.code, 0, run.stdout);
    assert.deepEqual(await rawCatalog(fresh), before);
  },
);

requires(
  { topology: "replicaSet" },
  "an index that is being built, and may never be finished, is not in a backup",
  async (t, fresh) => {
    const patients = fresh.db.collection("patients");
    // Other tests build indexes on this server: only of such documents the build stands still.
    const ward = `of ${fresh.name}`;
    await patients.insertMany([{ ward }, { ward }]);
    await createIndexes(fresh.db, "patients", [{ key: { ward: 1 }, name: "finished" }]);
    const admin = fresh.client.db("admin");
    const configureFailPoint = "hangIndexBuildDuringCollectionScanPhaseBeforeInsertion";
    const data = { fieldsToMatch: { ward } };
    const hang = (mode: "alwaysOn" | "off") =>
      admin.command({ configureFailPoint, mode, ...(mode === "alwaysOn" && { data }) });
    await hang("alwaysOn");
    const never = { key: { ward: 1 }, name: "never", unique: true };
    const building = createIndexes(fresh.db, "patients", [never]).catch((error: unknown) => error);
    try {
      const listed = async () => {
        const command = { listIndexes: "patients", includeBuildUUIDs: true };
        return (await fresh.db.command(command)).cursor.firstBatch.length as number;
      };
      while ((await listed()) < 3) await sleep(20);
      const place = await workspace(t, { MONGODB_URI: fresh.uri });
      const made = await place.run(["backup", "--json"]);
      assert.equal(made.code, 0, made.stdout + made.stderr);
      const { manifest } = (await place.run(["show", "latest", "--json"])).json();
      assert.deepEqual(manifest.collections[0].indexes, ["_id_", "finished"]);
    } finally {
      await hang("off");
    }
    assert.match(String(await building), /E11000/);
  },
);
