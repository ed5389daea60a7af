// The restoration log, and the error beside it: what a server refused, by the `_id`s of the documents, and never
// what else is in them.
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { BSON } from "mongodb";
import type { Document } from "mongodb";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { pathWithTools } from "../support/stock-tools.ts";
import { workspace } from "../support/workspace.ts";
import type { Workspace } from "../support/workspace.ts";

/** A dump of one collection, as stock mongodump lays it out, of documents that no server would hold. */
async function writeDump(
  place: Workspace,
  { name }: FreshDatabase,
  documents: readonly Document[],
  indexes: readonly Document[] = [],
): Promise<string> {
  const folder = place.at("dump", name);
  await mkdir(folder, { recursive: true });
  const metadata = { options: {}, indexes, collectionName: "patients", type: "collection" };
  const raws = documents.map((one) => BSON.serialize(one));
  await writeFile(place.at("dump", name, "patients.bson"), Buffer.concat(raws));
  await writeFile(place.at("dump", name, "patients.metadata.json"), JSON.stringify(metadata));
  return place.at("dump");
}

/** Fails unless the restore of `dump` fails, with the live data untouched and no content told anywhere. */
async function refuse(
  place: Workspace,
  { db }: FreshDatabase,
  dump: string,
  more: readonly string[] = [],
): Promise<{ error: Document; log: string }> {
  await db.collection("patients").insertOne({ _id: "live" as never });
  const env = { PATH: await pathWithTools() };
  const run = await place.run(["restore", dump, "--confirm", "--json", ...more], { env });
  assert.equal(run.code, 1, run.stdout + run.stderr);
  assert.deepEqual(await db.collection("patients").find().toArray(), [{ _id: "live" }]);
  const { error } = run.json() as { error: Document };
  const log = await readFile(String(error.details.log), "utf8");
  assert.doesNotMatch(run.stdout + run.stderr + log, /SECRET/);
  return { error, log };
}

const key = { v: 2, unique: true, key: { mrn: 1 }, name: "mrn_unique" };

requires(
  { topology: "replicaSet" },
  "a unique index that cannot be built is told with the documents that share a value",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    const documents = ["a", "b", "a", "c"].map((mrn, _id) => ({ _id, mrn: `SECRET ${mrn}` }));
    const dump = await writeDump(place, fresh, documents, [key]);
    const { error, log } = await refuse(place, fresh, dump);
    assert.equal(error.code, "documents-refused");
    assert.match(error.message, /\.patients.*mrn_unique.*_id {"\$numberInt":"0"}, .*"2"}$/);
    assert.doesNotMatch(error.message, /__mongokeep/, "people know the collection by its own name");
    assert.deepEqual(error.details.documentIds, ['{"$numberInt":"0"}', '{"$numberInt":"2"}']);
    assert.match(log, /index .* FAILED: .*E11000.*mrn_unique/);
    assert.match(log, /^ {4}_id \{"\$numberInt":"2"\}$/m);
  },
);

requires(
  { topology: "replicaSet" },
  "where a collation makes values the same, the documents are found too",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    const documents = ["a", "b", "A"].map((mrn, _id) => ({ _id, mrn: `SECRET ${mrn}` }));
    const collation = { locale: "en", strength: 2 };
    const dump = await writeDump(place, fresh, documents, [{ ...key, collation }]);
    const { error } = await refuse(place, fresh, dump);
    assert.deepEqual(error.details.documentIds, ['{"$numberInt":"0"}', '{"$numberInt":"2"}']);
  },
);

requires(
  { topology: "replicaSet" },
  "documents that the server does not take are told by their _id, the first of many, and counted",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    const documents = Array.from({ length: 100 }, (_, i) => ({ _id: i % 70, name: `SECRET ${i}` }));
    const dump = await writeDump(place, fresh, [...documents, { _id: ["an array"], n: "SECRET" }]);
    const { error, log } = await refuse(place, fresh, dump);
    assert.match(error.message, /31 of 101 documents were refused: E11000.*index: _id_/);
    assert.equal(error.details.documentIds.length, 20);
    assert.equal(error.details.documents, 31);
    assert.match(log, /^ {4}_id \{"\$numberInt":"19"\}: E11000.*\(server code 11000\)$/m);
    assert.match(log, /^ {4}and 11 more documents$/m);
  },
);

requires(
  { topology: "replicaSet" },
  "the document at which mongorestore stopped is told by its _id",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    let deep: Document = { name: "SECRET" };
    for (let level = 0; level < 190; level++) deep = { deep };
    const documents = Array.from({ length: 100 }, (_, _id) => ({ _id, name: "SECRET" }));
    const dump = await writeDump(place, fresh, [...documents, { _id: "too deep", deep }]);
    const { error, log } = await refuse(place, fresh, dump, ["--engine", "mongodump"]);
    assert.equal(error.code, "documents-refused");
    assert.match(error.message, /_id "too deep" was refused after 100 others: .*180 levels/);
    assert.match(log, /^ {4}_id "too deep"$/m);
  },
);

requires(
  { topology: "replicaSet" },
  "the log of a restore has its plan, each step, its warnings and the way back",
  async (t, fresh) => {
    const place = await workspace(t, {
      MONGODB_URI: fresh.uri,
      SERVICE_STOP: "true",
      SERVICE_START: "true",
    });
    await fresh.db.collection("patients").insertMany([{ name: "SECRET" }, { name: "SECRET" }]);
    assert.equal((await place.run(["backup"])).code, 0);
    const run = await place.run(["restore", "latest", "--confirm", "--json", "--force-version"]);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    const { log: path, restoreId, preRestoreBackup } = run.json();
    const log = await readFile(String(path), "utf8");
    const name = JSON.stringify(`${fresh.name}.patients`);
    for (const said of [
      `restore ${restoreId} of `,
      `replace ${name}: 2 documents`,
      `safety backup ${preRestoreBackup} made and verified`,
      `load ${name} done: 2 documents`,
      `prove ${name} done: 2 documents equal`,
      "service stopped",
      "service started",
      "restore done",
      `mongokeep rollback ${restoreId} --confirm`,
    ])
      assert.ok(log.includes(said), `${said} is missing in:\n${log}`);
    assert.doesNotMatch(log, /SECRET/);
  },
);
