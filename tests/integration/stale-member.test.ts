// Members of a replica set that do not have what the set has, or stand still: a backup never takes their data for the
// newest without a word, never waits for them for minutes, and never waits silently for what blocks all of them.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { MongoClient, Timestamp } from "mongodb";
import type { ClientSession, Document } from "mongodb";
import { formatBackupId } from "../../src/archive/layout.ts";
import { createPartial } from "../../src/archive/writer.ts";
import { mongodumpEngine } from "../../src/dump/mongodump.ts";
import { nativeEngine } from "../../src/dump/native-engine.ts";
import type { DumpResult } from "../../src/dump/native.ts";
import type { KeepEvent } from "../../src/events.ts";
import { openDeployment } from "../../src/mongo/deployment.ts";
import { Secret } from "../../src/util/secret.ts";
import type { CliResult } from "../support/cli.ts";
import { pathWithTools } from "../support/stock-tools.ts";
import { temporaryFolder } from "../support/temporary.ts";
import type { Cleanup } from "../support/temporary.ts";
import { threeMembers } from "../support/three-members.ts";
import { workspace } from "../support/workspace.ts";

const { signal } = new AbortController();
const directUri = (host: string) => `mongodb://${host}/surg?directConnection=true`;

async function connect(t: Cleanup, uri: string): Promise<MongoClient> {
  const client = await MongoClient.connect(uri);
  t.after(() => client.close());
  return client;
}

async function reconfigure(client: MongoClient, change: (member: Document) => object) {
  const admin = client.db("admin");
  const { config } = (await admin.command({ replSetGetConfig: 1 })) as { config: Document };
  const members = (config.members as Document[]).map((one) => ({ ...one, ...change(one) }));
  const replSetReconfig = { ...config, version: Number(config.version) + 1, members };
  await admin.command({ replSetReconfig, force: true });
}

/** The member keeps its heartbeat, and hears of nothing new. Returns once it is so. */
async function stopReplication(client: MongoClient): Promise<void> {
  const admin = client.db("admin");
  const { count } = await admin.command({
    configureFailPoint: "stopReplProducer",
    mode: "alwaysOn",
  });
  const timesEntered = Number(count) + 1;
  await admin.command({ waitForFailPoint: "stopReplProducer", timesEntered, maxTimeMS: 60_000 });
}

const failPoint = (client: MongoClient, name: string, mode: "alwaysOn" | "off") =>
  client.db("admin").command({ configureFailPoint: name, mode });

/** Writes a document whose time is so much later than the newest: as if so much time had passed. */
async function writeLater(client: MongoClient, seconds: number): Promise<void> {
  await client.withSession(async (session: ClientSession) => {
    const { $clusterTime } = await client.db("admin").command({ ping: 1 });
    const { clusterTime, signature } = $clusterTime as { clusterTime: Timestamp; signature: never };
    const later = new Timestamp({ t: clusterTime.t + seconds, i: 1 });
    session.advanceClusterTime({ clusterTime: later, signature });
    await client.db("surg").collection("patients").insertOne({ later: seconds }, { session });
  });
}

/** Until the member's newest write is so old by its own clock, and no primary is heard of. */
async function untilAlone(client: MongoClient, seconds: number): Promise<void> {
  for (;;) {
    const { primary, lastWrite, localTime } = await client.db("admin").command({ hello: 1 });
    const { t } = (lastWrite as { opTime: { ts: Timestamp } }).opTime.ts;
    if (primary === undefined && (localTime as Date).getTime() / 1_000 - t > seconds) return;
    await sleep(100);
  }
}

async function untilSame(client: MongoClient, other: MongoClient): Promise<void> {
  // A client of the set reads the primary, one of a single member that member.
  const count = (one: MongoClient) => one.db("surg").collection("patients").find().toArray();
  while ((await count(client)).length !== (await count(other)).length) await sleep(100);
}

const said = (run: CliResult) => `${run.stdout}\n${run.stderr}`;

test("members that are behind, alone, delayed or stuck", async (t) => {
  const set = await threeMembers(t);
  const first = await set.primary();
  const [top, left, right] = [...set.members].sort(
    (a, b) => Number(b.host === first) - Number(a.host === first),
  );
  assert.ok(top && left && right);
  const client = await connect(t, set.uri);
  const [onLeft, onRight] = [
    await connect(t, directUri(left.host)),
    await connect(t, directUri(right.host)),
  ];
  const patients = client.db("surg").collection("patients");
  const scans = Array.from({ length: 400 }, (_, n) => ({
    _id: n as never,
    noise: randomBytes(10_000),
  }));
  await client
    .db("surg")
    .collection("scans")
    .insertMany(scans, { writeConcern: { w: 3 } });
  await patients.insertMany([{ n: 1 }, { n: 2 }], { writeConcern: { w: 3 } });
  // Only the first one votes: it is a majority by itself, whatever the others do.
  await reconfigure(client, ({ host }) => (host === first ? {} : { votes: 0, priority: 0 }));
  await set.primary();

  const backUp = async (env: Readonly<Record<string, string>>) => {
    const place = await workspace(t, { MONGODB_URI: set.uri, MONGODB_DATABASE: "surg", ...env });
    const run = await place.run(["backup", "--json"]);
    return { place, run };
  };
  const lostOn = (host: string, env = {}) => backUp({ MONGODB_URI: directUri(host), ...env });
  const documentsOf = async ({ place }: Awaited<ReturnType<typeof backUp>>) => {
    const { manifest } = (await place.run(["show", "latest", "--json"])).json();
    return manifest.totals.documents as number;
  };

  await t.test(
    "a member without a primary says so, and is refused when its data is too old",
    async () => {
      process.kill(top.pid(), "SIGKILL");
      await top.gone();
      await untilAlone(onLeft, 3);
      const alone = await lostOn(left.host);
      assert.equal(alone.run.code, 0, said(alone.run));
      assert.match(alone.run.json().warnings.join("\n"), /no primary of the replica set answers/);
      assert.equal(alone.run.json().consistency.lagSeconds, undefined);
      const old = await lostOn(left.host, { BACKUP_MAX_LAG: "2s" });
      assert.equal(old.run.code, 1, said(old.run));
      assert.equal(old.run.json().error.code, "stale-member");
      await top.start();
      await set.primary();
    },
  );

  await t.test(
    "a secondary two minutes behind is a warning in result, manifest and status, and beyond BACKUP_MAX_LAG a failure",
    async () => {
      await stopReplication(onLeft);
      await writeLater(client, 120);
      const behind = await lostOn(left.host);
      assert.equal(behind.run.code, 0, said(behind.run));
      const { warnings, consistency } = behind.run.json();
      assert.ok(consistency.lagSeconds >= 110, JSON.stringify(consistency));
      const warning = /behind the newest write of the replica set/;
      assert.match(warnings.join("\n"), warning);
      const { manifest } = (await behind.place.run(["show", "latest", "--json"])).json();
      assert.match(manifest.warnings.join("\n"), warning);
      assert.match((await behind.place.run(["show", "latest"])).stdout, warning);
      const { notes } = (await behind.place.run(["status", "--json"])).json();
      assert.match(notes.find((one: Document) => one.code === "backup-warning").message, warning);
      const refused = await lostOn(left.host, { BACKUP_MAX_LAG: "1min" });
      assert.equal(refused.run.code, 1, said(refused.run));
      const { error } = refused.run.json();
      assert.equal(error.code, "stale-member");
      assert.match(error.hint, /BACKUP_MAX_LAG/);
    },
  );

  await t.test("the other secondary is read by default, and it says who is behind", async () => {
    await untilSame(onRight, client);
    const made = await backUp({});
    assert.equal(made.run.code, 0, said(made.run));
    assert.match(made.run.stderr, new RegExp(`reads from the secondary ${right.host}`));
    assert.match(made.run.json().warnings.join("\n"), new RegExp(`${left.host} is .* behind`));
    assert.deepEqual(made.run.json().consistency.lagSeconds, 0);
    assert.equal(await documentsOf(made), 403);
  });

  await t.test(
    "where no secondary has the instant the primary is read, or nobody where only secondaries may be",
    async () => {
      await stopReplication(onRight);
      await writeLater(client, 120);
      const made = await backUp({});
      assert.equal(made.run.code, 0, said(made.run));
      assert.match(made.run.json().warnings.join("\n"), /the backup reads the primary/);
      assert.equal(made.run.json().consistency.mode, "snapshot");
      assert.equal(await documentsOf(made), 404);
      const strict = await backUp({ BACKUP_READ_PREFERENCE: "secondary" });
      assert.equal(strict.run.code, 1, said(strict.run));
      assert.equal(strict.run.json().error.code, "stale-member");
    },
  );

  await t.test("a hidden and delayed member is refused by default", async () => {
    for (const one of [onLeft, onRight]) await failPoint(one, "stopReplProducer", "off");
    await untilSame(onLeft, client);
    await untilSame(onRight, client);
    await reconfigure(client, ({ host }) =>
      host === left.host ? { hidden: true, secondaryDelaySecs: 36_000 } : {},
    );
    while ((await onLeft.db("admin").command({ hello: 1 })).hidden !== true) await sleep(50);
    await writeLater(client, 1_200);
    const { run } = await lostOn(left.host);
    assert.equal(run.code, 1, said(run));
    assert.equal(run.json().error.code, "stale-member");
  });

  const events: KeepEvent[] = [];
  const codes = () => events.flatMap((e) => (e.kind === "log" ? [e.code] : []));
  /** With limits that a test can wait for. */
  const dump = async (
    limits: { memberMs: number; serverMs: number },
    engine = nativeEngine,
  ): Promise<DumpResult> => {
    events.length = 0;
    const context = { emit: (event: KeepEvent) => events.push(event), signal };
    await using deployment = await openDeployment(new Secret(set.uri), context);
    const partial = await createPartial(await temporaryFolder(t), () => formatBackupId(0, "UTC"));
    const selection = {
      databases: ["surg"],
      exclude: [],
      only: null,
      accounts: false,
      allowEmpty: false,
    };
    return await engine.dump(
      deployment,
      partial,
      {
        ...{ ...selection, compression: { algorithm: "none", level: null } },
        ...{ maxRateBytesPerSecond: null, limits: { sayMs: 100, ...limits } },
      },
      context,
    );
  };

  await t.test(
    "a secondary that stands still in the middle of a dump is left for the primary at the same instant",
    async () => {
      await untilSame(onRight, client);
      const hang = "waitAfterPinningCursorBeforeGetMoreBatch";
      await failPoint(onRight, hang, "alwaysOn");
      const dumped = await dump({ memberMs: 1_000, serverMs: 60_000 });
      await failPoint(onRight, hang, "off");
      assert.equal(dumped.consistency.mode, "snapshot");
      assert.equal(dumped.collections.find(({ name }) => name === "scans")?.documents, 400);
      assert.ok(codes().includes("server-waits"), codes().join());
      assert.ok(codes().includes("member-stuck"), codes().join());
    },
  );

  await t.test(
    "a prepared transaction is named after some seconds, and ends the backup when it does not end",
    async () => {
      const session = client.startSession();
      session.startTransaction();
      await patients.updateOne({ n: 1 }, { $set: { x: 1 } }, { session });
      const prepareTransaction = { prepareTransaction: 1, writeConcern: { w: "majority" } };
      await client.db("admin").command(prepareTransaction, { session });
      await assert.rejects(dump({ memberMs: 500, serverMs: 1_500 }), {
        ...{ code: "server-waits", exitCode: 1 },
        message: /surg\.patients could not be read .* waits for a prepared transaction/,
      });
      assert.ok(!codes().includes("member-stuck"), codes().join());
      const place = await workspace(t, { MONGODB_URI: set.uri, MONGODB_DATABASE: "surg" });
      const running = place.start(["backup", "--json"]);
      await running.says(
        /waiting for documents of surg\.patients.* waits for a prepared transaction/,
      );
      await session.abortTransaction();
      await session.endSession();
      const run = await running.result;
      assert.equal(run.code, 0, said(run));
      assert.equal(run.json().consistency.mode, "snapshot");
    },
  );

  await t.test(
    "a lock that others hold is named after some seconds, and ends the backup when it is kept",
    async () => {
      const admin = client.db("admin");
      const kept = admin.command({ sleep: 1, lock: "w", secs: 300 }).catch(() => undefined);
      process.env.PATH = await pathWithTools();
      for (const engine of [nativeEngine, mongodumpEngine]) {
        await assert.rejects(dump({ memberMs: 60_000, serverMs: 1_000 }, engine), {
          ...{ code: "server-waits", exitCode: 1 },
          message: /waited .* for .*: the server waits for a lock/,
        });
        assert.ok(codes().includes("server-waits"), codes().join());
      }
      const place = await workspace(t, { MONGODB_URI: set.uri, MONGODB_DATABASE: "surg" });
      const running = place.start(["backup", "--json"]);
      await running.says(/waiting for .* the server waits for a lock/);
      const mine = { "command.sleep": 1 };
      const [holder] = await admin.aggregate([{ $currentOp: {} }, { $match: mine }]).toArray();
      await admin.command({ killOp: 1, op: holder?.opid as number });
      await kept;
      const run = await running.result;
      assert.equal(run.code, 0, said(run));
    },
  );
});
