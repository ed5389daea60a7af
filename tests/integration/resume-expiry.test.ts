// What expires after `restore --resume`: what an uninterrupted restore would have set, or nothing.
import assert from "node:assert/strict";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { TestContext } from "node:test";
import type { Json } from "../support/cli.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { copyOplog, oplogNow } from "../support/oplog-copy.ts";
import { requires } from "../support/requires.ts";
import { runStockTool } from "../support/stock-tools.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";
import type { Workspace } from "../support/workspace.ts";

const RS = { topology: "replicaSet" } as const;
const KILLER = resolve(import.meta.dirname, "../support/kill-at-journal.ts");
const DAY = 86_400;

const rows = () => Array.from({ length: 3 }, (_, i) => ({ _id: i as never, at: new Date() }));
const expiring = (days: number) => ({ name: "ttl", expireAfterSeconds: days * DAY });

/** A stock dump whose log changes what expires in every way. */
async function dumpWithLog(t: TestContext, { client, db, uri, name }: FreshDatabase) {
  for (const one of ["longer", "dropped", "added", "gone"])
    await db.collection(one).insertMany(rows());
  for (const one of ["longer", "dropped", "gone"])
    await db.collection(one).createIndex({ at: 1 }, expiring(10), {});
  const dump = join(await temporaryFolder(t), "dump");
  const before = await oplogNow(client);
  await runStockTool("mongodump", [`--uri=${uri}`, `--out=${dump}`]);
  await db.command({ collMod: "longer", index: expiring(3_000) });
  await db.collection("dropped").dropIndex("ttl");
  await db.collection("added").createIndex({ at: 1 }, expiring(20), {});
  await db.collection("made").insertMany(rows());
  await db.collection("made").createIndex({ at: 1 }, expiring(30), {});
  await db.collection("gone").drop();
  const log = (await copyOplog(client, before)).filter((entry) => entry.includes(name));
  await writeFile(join(dump, "oplog.bson"), Buffer.concat(log));
  return dump;
}

/** The days after which each collection's documents expire; null: they do not. */
async function expiryOf({ db }: FreshDatabase) {
  const found: Record<string, number | null> = {};
  for (const { name } of await db.listCollections({}, { nameOnly: true }).toArray()) {
    if (name.startsWith("__")) continue;
    const indexes = await db.collection(name).listIndexes().toArray();
    const seconds = indexes.map(
      (one) => (one as { expireAfterSeconds?: number }).expireAfterSeconds,
    );
    found[name] = (seconds.find((one) => one !== undefined) ?? NaN) / DAY || null;
  }
  return found;
}

async function killedAt(place: Workspace, match: string, args: readonly string[]) {
  const env = { NODE_OPTIONS: `--import=${KILLER}`, KILL_AT_JOURNAL_MATCH: match };
  const run = await place.run(["restore", ...args, "--confirm", "--json"], { env });
  assert.equal(run.signal, "SIGKILL", run.stdout + run.stderr);
}

async function resumed(place: Workspace) {
  const run = await place.run(["restore", "--resume", "--confirm", "--json"]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  const again = await place.run(["restore", "--resume", "--confirm", "--json"]);
  assert.equal(again.json().error.code, "usage", "the restore did not end");
  return run.json();
}

const AT_END = { longer: 3_000, dropped: null, added: 20, made: 30 };
const LIVE_BEGUN = '"live-change","state":"begin"';
const LIVE_DONE = '"live-change","state":"done"';

requires(RS, "a resumed restore sets the expiry that its oplog ends with", async (t, fresh) => {
  const place = await workspace(t, { MONGODB_URI: fresh.uri });
  const restore = [await dumpWithLog(t, fresh), "--only", `${fresh.name}.*`];
  for (const at of [LIVE_BEGUN, LIVE_DONE]) {
    await killedAt(place, at, restore);
    const { warnings, collections } = await resumed(place);
    const made = collections.find((one: Json) => one.namespace === `${fresh.name}.made`);
    assert.equal(made.verified, "not verified");
    assert.deepEqual(await expiryOf(fresh), AT_END, at);
    assert.ok(!warnings.some((one: string) => one.includes("expire")), String(warnings));
  }
});

requires(
  RS,
  "a record without the expiry at the log's end gets none on resume",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    await killedAt(place, LIVE_DONE, [await dumpWithLog(t, fresh), "--only", `${fresh.name}.*`]);
    const [id = ""] = await readdir(join(place.backupDir, "restores"));
    const journal = join(place.backupDir, "restores", id, "journal.jsonl");
    const text = await readFile(journal, "utf8");
    const older = text.replace(/,"expiring":\[.*\](?=\}\n)/, "");
    assert.notEqual(older, text);
    await writeFile(journal, older);
    const { warnings } = await resumed(place);
    const none = { longer: null, dropped: null, added: null, made: null };
    assert.deepEqual(await expiryOf(fresh), none);
    const told = warnings.find((one: string) => one.includes("expireAfterSeconds"));
    for (const name of ["longer", "made"])
      assert.match(told, new RegExp(`${fresh.name}\\.${name}`));
  },
);

requires(
  RS,
  "a restore resumes where its backup is gone, and a collection of it",
  async (t, fresh) => {
    const { db } = fresh;
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    for (const name of ["a", "b"]) {
      await db.collection(name).insertMany(rows());
      await db.collection(name).createIndex({ at: 1 }, expiring(40), {});
    }
    const { path } = (await place.run(["backup", "--manual", "--json"])).json();
    await killedAt(place, LIVE_DONE, ["latest"]);
    await rm(path, { recursive: true });
    await db.collection("b").drop();
    await resumed(place);
    assert.deepEqual(await expiryOf(fresh), { a: 40 });
  },
);
