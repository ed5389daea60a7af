// Dumps whose metadata says something else than their files, or holds what no command must get: what is restored is
// what both say, under the names that were planned; anything else is refused before anything changes.
import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BSON } from "mongodb";
import type { Db } from "mongodb";
import { archiveOf, block, end, entry, patients } from "../support/mongodump-archive.ts";
import { requires } from "../support/requires.ts";
import { workspace } from "../support/workspace.ts";

const DOCUMENTS = Buffer.concat([1, 2].map((n) => Buffer.from(BSON.serialize({ _id: n }))));

async function dumpOf(path: string, files: Readonly<Record<string, string | Uint8Array>>) {
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(path, name), bytes);
}

/** Every collection of the database with its options and its number of documents. */
async function stateOf(db: Db): Promise<string> {
  const infos = await db.listCollections({ name: { $not: /^(__mongokeep|system\.)/ } }).toArray();
  const found = [];
  for (const info of infos as { name: string; type: string; options: object }[])
    found.push(
      `${info.name} ${info.type} ${JSON.stringify(info.options)} ${await db.collection(info.name).countDocuments()}`,
    );
  return found.sort().join("; ");
}

requires(
  { topology: "replicaSet" },
  "a dump whose metadata and files do not fit is refused by verify and restore alike, and live data stays",
  async (t, { db, name, uri }) => {
    const place = await workspace(t, { MONGODB_URI: uri });
    const dump = join(place.folder, name);
    await db.collection<{ _id: number }>("x").insertMany([{ _id: 7 }, { _id: 8 }, { _id: 9 }]);
    const live = await stateOf(db);
    const unfit: Readonly<Record<string, Record<string, string | Uint8Array>>> = {
      "no data": { "y.bson": DOCUMENTS, "x.metadata.json": '{"indexes":[],"type":"collection"}' },
      "a view with documents": {
        "x.bson": DOCUMENTS,
        "x.metadata.json": '{"options":{"viewOn":"p","pipeline":[]},"type":"view"}',
      },
      "buckets alone": { "system.buckets.x.bson": DOCUMENTS },
    };
    for (const [what, files] of Object.entries(unfit)) {
      await dumpOf(dump, files);
      const [verify, restore] = [
        await place.run(["verify", dump, "--json"]),
        await place.run(["restore", dump, "--confirm", "--json"]),
      ];
      assert.deepEqual([verify.code, restore.code], [3, 3], what + verify.stderr + restore.stderr);
      assert.match(restore.json().error.message, /x\.(metadata\.json|bson)/, what);
      assert.equal(await stateOf(db), live, what);
    }
    const archive = place.at("views.archive");
    const told = JSON.stringify({ options: { viewOn: "p", pipeline: [] }, type: "view" });
    const documents = patients(2);
    await writeFile(
      archive,
      archiveOf(
        [entry(name, "x", "view", told)],
        [block(name, "x", documents), end(name, "x", documents)],
      ),
    );
    const verify = await place.run(["verify", archive, "--json"]);
    const restore = await place.run(["restore", archive, "--confirm", "--json"]);
    assert.deepEqual([verify.code, restore.code], [3, 3], verify.stderr + restore.stderr);
    assert.equal(await stateOf(db), live);
  },
);

requires(
  { topology: "replicaSet" },
  "a view dumped as a collection comes back with its documents, and its drill passes",
  async (t, { db, name, uri }) => {
    const place = await workspace(t, { MONGODB_URI: uri });
    const dump = join(place.folder, name);
    await dumpOf(dump, {
      "report.bson": DOCUMENTS,
      "report.metadata.json": '{"indexes":[],"collectionName":"report","type":"view"}',
    });
    const restore = await place.run(["restore", dump, "--confirm", "--json"]);
    assert.equal(restore.code, 0, restore.stderr);
    assert.equal(await stateOf(db), "report collection {} 2");
    const drill = await place.run(["drill", dump, "--json"]);
    assert.equal(drill.code, 0, drill.stderr);
  },
);

const OLD = {
  create: "evil",
  capped: 1,
  size: 8192,
  $nExtents: 3,
  autoIndexId: true,
  flags: 1,
  $db: "admin",
  writeConcern: { w: 9 },
  maxTimeMS: 1,
  lsid: { id: 1 },
  apiVersion: "2",
  comment: "x",
  temp: true,
  whatever: 1,
};
const OLD_INDEX = {
  v: 1,
  key: { a: 1 },
  name: "a_1",
  ns: "other.place",
  safe: true,
  background: true,
  dropDups: true,
  buildUUID: 1,
  createIndexes: "evil",
  odd: 1,
};

for (const way of [[], ["--in-place"], ["--ns", "renamed"]])
  requires(
    { topology: "replicaSet" },
    `options of old servers, tools and commands make nothing but what was planned ${way.join(" ")}`,
    async (t, { db, name, uri }) => {
      const place = await workspace(t, { MONGODB_URI: uri });
      const dump = join(place.folder, name);
      const indexes = [
        { v: 1, key: { _id: 1 }, name: "_id_", ns: `${name}.ring`, unique: true },
        OLD_INDEX,
      ];
      await dumpOf(dump, {
        "ring.bson": DOCUMENTS,
        "ring.metadata.json": JSON.stringify({ options: OLD, indexes }),
        "plain.bson": DOCUMENTS,
        "plain.metadata.json": JSON.stringify({ options: { size: 4096, max: 5 }, indexes: [] }),
      });
      await db.collection<{ _id: number }>("ring").insertOne({ _id: 9 });
      const renames = way[0] === "--ns";
      const flags = renames
        ? ["--ns", `${name}.ring=${name}.other`, "--ns", `${name}.plain=${name}.plain`]
        : way;
      const restore = await place.run(["restore", dump, ...flags, "--confirm", "--json"]);
      assert.equal(restore.code, 0, restore.stderr);
      const kept = renames ? "; ring collection {} 1" : "";
      const target = renames ? "other" : "ring";
      const capped = `${target} collection {"capped":true,"size":8192} 2`;
      const wanted = [capped, "plain collection {} 2", ...(renames ? [kept.slice(2)] : [])].sort();
      assert.equal(await stateOf(db), wanted.join("; "));
      const built = await db.collection(target).listIndexes().toArray();
      assert.deepEqual(built.map((i) => (i as { name: string }).name).sort(), ["_id_", "a_1"]);
      const told = restore.json().warnings.join();
      for (const option of ["create", "writeConcern", "whatever", "safe", "odd"])
        assert.match(told, new RegExp(`"${option}"`), told);
    },
  );

requires(
  { topology: "replicaSet" },
  "an option that no server has is refused by name, before anything changes",
  async (t, { db, name, uri }) => {
    const place = await workspace(t, { MONGODB_URI: uri });
    const dump = join(place.folder, name);
    await db.collection<{ _id: number }>("x").insertOne({ _id: 9 });
    const live = await stateOf(db);
    await dumpOf(dump, {
      "x.bson": DOCUMENTS,
      "x.metadata.json": '{"options":{"dropTarget":true},"indexes":[]}',
    });
    for (const force of [[], ["--force-version"]]) {
      const restore = await place.run(["restore", dump, "--confirm", "--json", ...force]);
      assert.notEqual(restore.code, 0);
      assert.match(restore.stdout + restore.stderr, /dropTarget/);
      assert.equal(await stateOf(db), live);
    }
  },
);
