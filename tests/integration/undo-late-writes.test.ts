// What the service writes to a time series between the safety backup and its stop is only in the later backup, which
// is made once the service has stopped. Every way back loads the time series from there.
import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Db } from "mongodb";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { copyOplog, oplogNow } from "../support/oplog-copy.ts";
import { requires } from "../support/requires.ts";
import { runStockTool } from "../support/stock-tools.ts";
import { temporaryFolder } from "../support/temporary.ts";
import type { Cleanup } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";
import type { Workspace } from "../support/workspace.ts";

const RS = { topology: "replicaSet", server: ">=6.0" } as const;
const KILLER = resolve(import.meta.dirname, "../support/kill-at-journal.ts");

async function write(db: Db, v: string): Promise<void> {
  await db.collection("plain").insertOne({ v });
  await db.collection("ts").insertOne({ t: new Date(), m: v });
}

/** `last`: what the live data holds in the end, of which the safety backup of a restore lacks "late". */
async function ready(t: Cleanup, { db, uri, serverUri, name }: FreshDatabase) {
  const place = await workspace(t, { MONGODB_URI: uri });
  await db.createCollection("ts", { timeseries: { timeField: "t", metaField: "m" } });
  await write(db, "old");
  assert.equal((await place.run(["backup", "--manual"])).code, 0);
  await write(db, "new");
  // The service's last write, as it stops: once, in the first restore.
  const driver = pathToFileURL(
    resolve(import.meta.dirname, "../../node_modules/mongodb/lib/index.js"),
  );
  await writeFile(
    place.at("stop.mjs"),
    `
    import { existsSync, writeFileSync } from "node:fs";
    import mongodb from ${JSON.stringify(driver.href)};
    if (!existsSync("stopped")) {
      const client = await new mongodb.MongoClient(${JSON.stringify(serverUri)}).connect();
      await client.db(${JSON.stringify(name)}).collection("ts").insertOne({ t: new Date(), m: "late" });
      await client.close();
      writeFileSync("stopped", "");
    }
  `,
  );
  const service = {
    SERVICE_STOP: `cd ${place.folder} && ${process.execPath} stop.mjs`,
    SERVICE_START: "true",
  };
  await place.writeEnv({ MONGODB_URI: uri, ...service });
  return place;
}

const seriesIn = async ({ db }: FreshDatabase) =>
  (await db.collection("ts").find().sort({ t: 1 }).toArray()).map(({ m }) => String(m));
const OLD = ["old"];
const ALL = ["old", "new", "late"];

async function done(place: Workspace, ...args: string[]): Promise<void> {
  const run = await place.run([...args, "--confirm", "--json"]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
}

async function killed(place: Workspace, pattern: string, ...args: string[]): Promise<void> {
  const env = { NODE_OPTIONS: `--import=${KILLER}`, KILL_AT_JOURNAL_MATCH: pattern };
  const run = await place.run([...args, "--confirm"], { env });
  assert.equal(run.signal, "SIGKILL", run.stdout + run.stderr);
}

async function newestRestore({ backupDir }: Workspace): Promise<string> {
  return (await readdir(join(backupDir, "restores"))).sort().at(-1) ?? "";
}

const DROPPED = '"step":"drop","state":"done","namespace":"[^"]+\\.ts"';

requires(
  RS,
  "a resumed rollback brings back late writes to a time series, as does its own rollback",
  async (t, fresh) => {
    const place = await ready(t, fresh);
    await done(place, "restore", "latest");
    assert.deepEqual(await seriesIn(fresh), OLD);
    await killed(place, DROPPED, "rollback");
    await done(place, "restore", "--resume");
    assert.deepEqual(await seriesIn(fresh), ALL);
    assert.equal(await fresh.db.collection("plain").countDocuments(), 2);
    // The rollback of that rollback: it has no safety backup of its own, only the later one.
    await killed(place, DROPPED, "rollback", await newestRestore(place));
    await done(place, "restore", "--resume");
    assert.deepEqual(await seriesIn(fresh), OLD);
    assert.equal(await fresh.db.collection("plain").countDocuments(), 1);
  },
);

requires(
  RS,
  "so does a rollback whose retained collections were discarded, whole or resumed",
  async (t, fresh) => {
    const place = await ready(t, fresh);
    await done(place, "restore", "latest");
    await done(place, "restore", "--drop-aside");
    await killed(place, DROPPED, "rollback");
    await done(place, "restore", "--resume");
    assert.deepEqual(await seriesIn(fresh), ALL);
    assert.equal(await fresh.db.collection("plain").countDocuments(), 2);
  },
);

requires(RS, "nothing is said to be written to that only the oplog changed", async (t, fresh) => {
  const { client, db, name, uri } = fresh;
  for (const one of ["a", "same"]) await db.collection(one).insertOne({ v: "old" });
  const dump = join(await temporaryFolder(t), "dump");
  const before = await oplogNow(client);
  await runStockTool("mongodump", [`--uri=${uri}`, `--out=${dump}`]);
  await db.collection("a").updateMany({}, { $set: { v: "new" } });
  const log = (await copyOplog(client, before)).filter((entry) => entry.includes(name));
  await writeFile(join(dump, "oplog.bson"), Buffer.concat(log));
  const service = { SERVICE_STOP: "true", SERVICE_START: "false" };
  const place = await workspace(t, { MONGODB_URI: uri, ...service });
  const args = ["restore", dump, "--only", `${name}.*`, "--confirm", "--json"];
  const run = await place.run(args);
  assert.equal(run.code, 7, run.stdout + run.stderr);
  assert.match(run.stderr, /\.a could not be compared with what was restored/);
  assert.doesNotMatch(run.stderr, /\.(a|same) was written to|\.same could not/);
});
