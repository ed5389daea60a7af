// What a plan says is what was determined: its target, what lies outside of the instant, what the live data holds,
// what expires at once, and what a rollback takes away again.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { BSON } from "mongodb";
import { freshDatabase, withDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { workspace } from "../support/workspace.ts";

const RS = { topology: "replicaSet", server: ">=5.0" } as const;

requires(
  RS,
  "the plan and the result name the target, and the steps are counted",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    await fresh.db.collection<{ _id: number }>("a").insertMany([{ _id: 1 }, { _id: 2 }]);
    await fresh.db.collection<{ _id: number }>("b").insertOne({ _id: 1 });
    await fresh.db.createCollection("log", { capped: true, size: 10_000 });
    await fresh.db.collection("log").insertOne({ said: 1 });
    await fresh.db.createCollection("pulse", { timeseries: { timeField: "at" } });
    await fresh.db.collection("pulse").insertOne({ at: new Date(), bpm: 60 });
    const backup = (await place.run(["backup", "--json"])).json();

    assert.deepEqual(backup.outsideInstant, [`${fresh.name}.log`]);

    const planned = (await place.run(["restore", "latest", "--json"])).json();
    const target = { hosts: new URL(fresh.uri).host.split(","), databases: [fresh.name] };
    assert.deepEqual(planned.target, target);
    assert.deepEqual(planned.plan.outsideInstant, [`${fresh.name}.log`]);
    const pulse = planned.plan.collections.find((c: { name: string }) => c.name === "pulse");
    assert.deepEqual([pulse.live.documents, pulse.documents], [1, 1], "in buckets, here and there");
    const other = `mongodb://elsewhere.example:27018/?directConnection=true`;
    await place.writeEnv({
      MONGODB_URI: withDatabase(other, fresh.name),
      MONGOKEEP_RESTORE_URI: fresh.uri,
    });
    const byOwnLogin = (await place.run(["restore", backup.id, "--json"])).json();
    assert.deepEqual(byOwnLogin.target, target, "of the login that restores");
    await place.writeEnv({ MONGODB_URI: fresh.uri });
    const shown = await place.run(["restore", "latest"]);
    const made = await place.run(["restore", "latest", "--confirm", "--json"]);
    assert.deepEqual(made.json().outsideInstant, [`${fresh.name}.log`], made.stderr);
    assert.ok(
      shown.stdout.startsWith(
        `plan to restore ${backup.id} into ${target.hosts[0]}, database ${fresh.name}\n`,
      ),
      shown.stdout,
    );
    assert.match(shown.stdout, new RegExp(`moment +one instant, except ${fresh.name}\\.log`));

    const run = await place.run(["restore", "latest", "--confirm", "--json"]);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    const restored = run.json();
    assert.deepEqual(restored.target, target);
    const numbers = [...run.stderr.matchAll(/ (\d\/\d) /g)].map(([, number]) => number);
    assert.deepEqual(numbers, ["1/5", "2/5", "3/5", "4/5", "5/5"]);
    assert.match(run.stderr, /2\/5 backing up what is there now/);

    await fresh.db
      .collection<{ _id: number }>("a")
      .insertMany([{ _id: 3 }, { _id: 4 }, { _id: 5 }]);
    const back = (await place.run(["rollback", "--json"])).json();
    assert.equal(back.rollbackOf, restored.restoreId);
    const lost = new Map(
      back.plan.lostSince.collections.map((c: { namespace: string }) => [c.namespace, c]),
    );
    const a = `${fresh.name}.a`;
    assert.deepEqual(lost.get(a), { namespace: a, written: true, moreDocuments: 3 });
    assert.ok(!lost.has(`${fresh.name}.b`), "nothing was written to it");
    const words = await place.run(["rollback"]);
    assert.ok(words.stdout.startsWith(`plan to undo the restore ${restored.restoreId} into `));
    assert.match(
      words.stdout.replace(/\s+/g, " "),
      /loses what was written since the restore .*\.a \(3 documents more\)/,
    );
  },
);

requires(
  RS,
  "the plan counts what the server would delete at once, and --no-ttl keeps it",
  async (t) => {
    const fresh = await freshDatabase(t);
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    // Written by hand: the server would delete the documents before a backup of it has them.
    const folder = place.at("dump", fresh.name);
    await mkdir(folder, { recursive: true });
    const at = [new Date(Date.now() - 7_200_000), new Date(Date.now() + 7_200_000), "no date"];
    const documents = at.map((value, _id) => BSON.serialize({ _id, at: value }));
    await writeFile(`${folder}/sessions.bson`, Buffer.concat(documents));
    const index = {
      v: { $numberInt: "2" },
      key: { at: { $numberInt: "1" } },
      name: "at_1",
      expireAfterSeconds: { $numberInt: "3600" },
    };
    const metadata = {
      options: {},
      indexes: [index],
      collectionName: "sessions",
      type: "collection",
    };
    await writeFile(`${folder}/sessions.metadata.json`, JSON.stringify(metadata));
    const planned = async (...flags: string[]) =>
      (await place.run(["restore", place.at("dump"), "--json", ...flags])).json().plan.expiring;
    assert.deepEqual(await planned(), [{ namespace: `${fresh.name}.sessions`, documents: 1 }]);
    assert.deepEqual(await planned("--no-ttl"), []);
  },
);
