// "Do I need a restore at all, and of what?", asked on a real server.
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Long, ObjectId } from "mongodb";
import { fillInteresting } from "../support/fidelity.ts";
import { rawOddities, insertRaw } from "../support/raw-insert.ts";
import type { Json } from "../support/cli.ts";
import { requires } from "../support/requires.ts";
import { runStockTool } from "../support/stock-tools.ts";
import { workspace } from "../support/workspace.ts";

const NOTHING = { added: [], removed: [], changed: [] };
const REST = { removed: 0, added: 0, changed: 0 };

/** The collections that differ, by their name without the database. */
function differing({ collections }: Json): Record<string, Json> {
  const shown = collections.filter((one: Json) => !one.equal);
  return Object.fromEntries(
    shown.map((one: Json) => [String(one.namespace).replace(/^[^.]*\./, ""), one]),
  );
}

requires(
  { topology: "replicaSet" },
  "right after a backup nothing differs, and no restore is needed",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    await fillInteresting(fresh.db);
    await insertRaw(fresh.uri, fresh.name, "raw", rawOddities());
    await place.run(["backup", "--manual"]);
    const run = await place.run(["diff", "latest"]);
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /nothing differs: no restore is needed/);
    const result = (await place.run(["diff", "latest", "--live", "--json"])).json();
    assert.equal(result.ok, true);
    assert.equal(result.equal, true);
    assert.equal(result.other, "live");
    assert.equal(result.restoreCommand, null);
    assert.deepEqual(result.notCompared, ["users and roles"]);
    const patients = result.collections.find((c: Json) => c.namespace.endsWith(".patients"));
    assert.deepEqual(patients.documents, { backup: 500, other: 500 });
    const visits = result.collections.find((c: Json) => c.namespace.endsWith(".visits"));
    assert.equal(visits.unit, "buckets");
  },
);

requires(
  { topology: "replicaSet" },
  "what was removed, changed and written since a backup is told apart and named by _id, and nothing else is said",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    await fillInteresting(fresh.db);
    const { id } = (await place.run(["backup", "--manual", "--json"])).json();
    const { db } = fresh;
    const gone = await db.collection("patients").findOne({ mrn: "MRN-000007" });
    const changed = await db.collection("patients").findOne({ mrn: "MRN-000009" });
    await db.collection("patients").deleteOne({ mrn: "MRN-000007" });
    await db.collection("patients").updateOne({ mrn: "MRN-000009" }, { $set: { note: "secret" } });
    const fresh1 = new ObjectId();
    await db.collection("patients").insertOne({ _id: fresh1, mrn: "NEW-1", name: { family: "N" } });
    await db.collection("patients").dropIndex("mrn_unique");
    await db.collection("patients").createIndexes([{ key: { mrn: -1 }, name: "newer" }]);
    await db.collection("audit").insertOne({ n: 51 });
    await db.collection("oddities").drop();
    await db.collection("visits").deleteMany({ ward: 1 });
    await db.command({ collMod: "adults", viewOn: "patients", pipeline: [] });
    await db.collection("later").insertMany([{ x: 1 }, { x: 2 }]);

    const run = await place.run(["diff", id, "--json"]);
    assert.equal(run.code, 0, run.stderr);
    assert.doesNotMatch(run.stdout + run.stderr, /secret|MRN-/);
    const result = run.json();
    assert.equal(result.equal, false);
    const found = differing(result);
    assert.deepEqual(Object.keys(found).sort(), [
      "adults",
      "audit",
      "later",
      "oddities",
      "patients",
      "visits",
    ]);
    const oid = (one: unknown) => JSON.stringify({ $oid: String(one) });
    assert.deepEqual(found.patients.samples, {
      added: [oid(fresh1)],
      removed: [oid(gone?._id)],
      changed: [oid(changed?._id)],
    });
    assert.deepEqual(found.patients.documents, { backup: 500, other: 500 });
    assert.deepEqual(found.patients.indexes, {
      added: ["newer"],
      removed: ["mrn_unique"],
      changed: [],
    });
    assert.equal(found.patients.options, "equal");
    assert.deepEqual(pick(found.audit), { ...REST, added: 1 });
    assert.deepEqual(found.oddities.documents, { backup: 39, other: null });
    assert.equal(found.oddities.removed, 39);
    assert.equal(found.oddities.samples.removed.length, 5);
    assert.deepEqual(found.later.documents, { backup: null, other: 2 });
    assert.equal(found.later.samples.added.length, 2);
    assert.notDeepEqual(pick(found.visits), REST);
    assert.equal(found.adults.options, "differs");
    assert.deepEqual(found.adults.samples, NOTHING);

    const only = ["adults", "oddities", "patients", "visits"];
    const command = `mongokeep restore ${id} ${only.map((c) => `--only ${fresh.name}.${c}`).join(" ")}`;
    assert.equal(result.restoreCommand, command);
    const text = await place.run(["diff", id]);
    assert.ok(text.stdout.includes(command), text.stdout);
    assert.match(text.stdout, /would lose 1 document written since/);
    assert.match(text.stdout, /the whole collection is new: a restore leaves it alone/);

    const words = [...command.split(" ").slice(1), "--confirm", "--json"];
    assert.equal((await place.run(words)).json().ok, true);
    const after = (await place.run(["diff", id, "--json"])).json();
    assert.deepEqual(Object.keys(differing(after)).sort(), ["audit", "later"]);
    assert.equal(after.restoreCommand, null, "additions alone call for no restore");
    assert.deepEqual(
      (await readdir(place.backupDir)).filter((n) => n.startsWith(".diff")),
      [],
    );
  },
);

const pick = ({ removed, added, changed }: Json) => ({ removed, added, changed });

requires(
  { topology: "standalone" },
  "a number that became another type is the same document, changed",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    const numbers = fresh.db.collection<{ _id: unknown }>("numbers");
    await numbers.insertMany([{ _id: 1 }, { _id: 2 }, { _id: { a: 3 } }]);
    await place.run(["backup", "--manual"]);
    await numbers.deleteMany({});
    await numbers.insertMany([
      { _id: 1 },
      { _id: Long.fromNumber(2) },
      { _id: { a: Long.fromNumber(3) } },
    ]);
    const { collections } = (await place.run(["diff", "latest", "--json"])).json();
    assert.deepEqual(pick(collections[0]), { ...REST, changed: 2 });
    assert.deepEqual(collections[0].samples.changed, [
      '{"$numberInt":"2"}',
      '{"a":{"$numberInt":"3"}}',
    ]);
  },
);

requires(
  { topology: "replicaSet" },
  "two backups, a stock dump, another database and a choice of collections can be compared",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    await fillInteresting(fresh.db);
    await place.run(["backup", "--manual"]);
    const [first = ""] = (await place.backupNames()).filter((n) => !n.startsWith("."));
    const dump = place.at("dump");
    await runStockTool("mongodump", ["--uri", fresh.uri, "--out", dump, "--quiet"]);
    const stock = (await place.run(["diff", dump, "--json"])).json();
    assert.deepEqual(differing(stock), {});
    assert.equal((await place.run(["diff", first, join(dump), "--json"])).json().equal, true);

    const other = fresh.otherName();
    await place.run(["restore", first, "--db", `${fresh.name}=${other}`, "--confirm"]);
    await fresh.client.db(other).collection("empty").insertOne({ one: 1 });
    const renamed = (
      await place.run(["diff", first, "--db", `${fresh.name}=${other}`, "--json"])
    ).json();
    assert.deepEqual(Object.keys(differing(renamed)), ["empty"]);

    await fresh.db.collection("patients").deleteMany({ risk: { $gt: 0.9 } });
    await fresh.db.collection("empty").insertOne({ one: 1 });
    await place.run(["backup", "--manual"]);
    const second = (await place.run(["list", "--json"])).json().backups[0].id;
    assert.notEqual(second, first);
    const two = (await place.run(["diff", first, second, "--json"])).json();
    assert.deepEqual(Object.keys(differing(two)).sort(), ["empty", "patients"]);
    assert.equal(two.restoreCommand, null);
    const some = (await place.run(["diff", first, "--only", "*.e*", "--json"])).json();
    assert.deepEqual(
      some.collections.map((c: Json) => c.namespace),
      [`${fresh.name}.empty`],
    );
    const rest = (
      await place.run(["diff", first, "--exclude", `${fresh.name}.empty`, "--json"])
    ).json();
    assert.deepEqual(Object.keys(differing(rest)), ["patients"]);
    const wrong = await place.run(["diff", first, "--only", "*.nowhere"]);
    assert.equal(wrong.code, 2);
  },
);

requires(
  { topology: "standalone" },
  "a damaged backup ends a comparison with exit 3 and the file, a server that is not there with 6",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    await fresh.db.collection("patients").insertMany([{ n: 1 }, { n: 2 }]);
    const { path } = (await place.run(["backup", "--manual", "--json"])).json();
    const file = join(path, fresh.name, "patients.bson.gz");
    const bytes = await readFile(file);
    bytes[bytes.length - 12] = (bytes.at(-12) ?? 0) ^ 0xff;
    await writeFile(file, bytes);
    await fresh.db.collection("patients").insertOne({ n: 3 });
    const damaged = await place.run(["diff", path, "--json"]);
    assert.equal(damaged.code, 3);
    assert.equal(damaged.json().error.code, "damaged");
    assert.match(damaged.json().error.message, /\/patients\.bson\.gz, chunk 0: /);
    await place.writeEnv({
      MONGODB_URI: "mongodb://127.0.0.1:1/surg?serverSelectionTimeoutMS=200",
    });
    assert.equal((await place.run(["diff", path])).code, 6);
  },
);
