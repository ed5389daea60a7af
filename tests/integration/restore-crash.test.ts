// kill -9 of mongokeep right after every line of a restore's journal, then `rollback` or `restore --resume`:
// the database is the state before, or the backup, by dbHash; never a mix.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { listRecords } from "../../src/restore/record/read-record.ts";
import { dbHash, keptBeside } from "../support/fidelity.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { workspace } from "../support/workspace.ts";
import type { Workspace } from "../support/workspace.ts";

const KILLER = resolve(import.meta.dirname, "../support/kill-at-journal.ts");
/** Every journalled step with SLOW=1; else each third, beginning elsewhere each time. */
const EVERY = process.env.SLOW === "1" ? 1 : 3;
const RS = { topology: "replicaSet" } as const;

const rows = (n: number, v: string) =>
  Array.from({ length: n }, (_, i) => ({ _id: i as never, v }));

type Hashes = Record<string, string>;

async function fillThen({ db }: FreshDatabase): Promise<void> {
  for (const name of ["a", "b"]) await db.collection(name).insertMany(rows(50, "old"));
  await db.collection("a").createIndex({ v: 1 });
  await db
    .collection("b")
    .createIndexes([{ key: { at: 1 }, name: "at_1", expireAfterSeconds: 1_000_000 }]);
  await db.createCollection("view", { viewOn: "a", pipeline: [] });
  await db.createCollection("ts", { timeseries: { timeField: "t", metaField: "m" } });
  await db.collection("ts").insertOne({ t: new Date(0), m: 1, n: 1 });
}

/** The state before the restore: each kind of change. */
async function fillNow({ db }: FreshDatabase): Promise<void> {
  await db.collection("a").insertMany(rows(60, "new"));
  await db.createCollection("view", { viewOn: "c", pipeline: [{ $match: { n: 1 } }] });
  await db.collection("c").insertOne({ _id: 1 as never, only: "live" });
  await db.createCollection("ts", { timeseries: { timeField: "t", metaField: "m" } });
  await db.collection("ts").insertOne({ t: new Date(0), m: 2, n: 2 });
}

async function empty({ db }: FreshDatabase): Promise<void> {
  for (const { name } of await db.listCollections({}, { nameOnly: true }).toArray())
    if (!name.startsWith("system.")) await db.collection(name).drop();
}

/** The time series' buckets get other `_id`s each time: they are compared by what they hold. */
async function hashesOf({ client, name, db }: FreshDatabase): Promise<Hashes> {
  const { "system.buckets.ts": _, ...rest } = await dbHash(client, name);
  const measured = await db
    .collection("ts")
    .find({}, { projection: { _id: 0 } })
    .toArray();
  return { ...rest, ts: JSON.stringify(measured) };
}

interface Ready {
  readonly place: Workspace;
  readonly then: Hashes;
}

async function ready(place: Workspace, fresh: FreshDatabase, inPlace: boolean): Promise<Ready> {
  await place.writeEnv({
    MONGODB_URI: fresh.uri,
    SERVICE_STOP: `echo stop >> '${place.at("service.log")}'`,
    SERVICE_START: `echo start >> '${place.at("service.log")}'`,
    SERVICE_CHECK: `[ "$(tail -n 1 '${place.at("service.log")}')" = start ]`,
  });
  await fillThen(fresh);
  const then = await hashesOf(fresh);
  const backup = await place.run(["backup", "--json", "--manual"]);
  assert.equal(backup.code, 0, backup.stderr);
  assert.ok(inPlace || then.a);
  return { place, then };
}

/** Kills a restore after line `n` of its journal; the line, or null where it ended before. */
async function killAt(
  place: Workspace,
  n: number,
  flags: readonly string[],
): Promise<string | null> {
  const told = place.at(`killed-${n}`);
  const env = {
    NODE_OPTIONS: `--import=${KILLER}`,
    KILL_AT_JOURNAL_LINE: String(n),
    KILL_TOLD: told,
  };
  const run = await place.run(["restore", "latest", "--confirm", "--json", ...flags], { env });
  if (run.signal === null) {
    assert.equal(run.code, 0, run.stdout + run.stderr);
    return null;
  }
  return (await readFile(told, "utf8")).trim();
}

const lastOf = async (place: Workspace) =>
  (await readFile(place.at("service.log"), "utf8")).trim().split("\n").at(-1);

/** One sweep over all lines of the journal. */
async function sweep(
  place: Workspace,
  fresh: FreshDatabase,
  flags: readonly string[],
): Promise<void> {
  const { then } = await ready(place, fresh, flags.length > 0);
  for (let n = 1 + Math.floor(Math.random() * EVERY); ; n += EVERY) {
    await empty(fresh);
    await fillNow(fresh);
    const now = await hashesOf(fresh);
    await startService(place);
    const line = await killAt(place, n, flags);
    if (line === null) return;
    const how = Math.random() < 0.5 ? "rollback" : "resume";
    const shown = `killed after ${line}, then ${how}`;
    const mended = await mend(place, how);
    const after = await hashesOf(fresh);
    if (mended.code !== 0) {
      assert.match(
        mended.json().error.message,
        /nothing to undo|no restore to resume/,
        `${shown}: ${mended.stdout}`,
      );
      const { c: _live, ...done } = after;
      // After its last line the restore is whole, and there is nothing to resume.
      if (line.includes('"step":"end"')) assert.deepEqual(done, then, shown);
      else assert.deepEqual(after, now, `${shown}: nothing was to be mended`);
    } else if (how === "rollback") assert.deepEqual(after, now, shown);
    else {
      const { c, ...rest } = after;
      assert.ok(c, shown);
      assert.deepEqual(rest, then, shown);
    }
    if (mended.code === 0) assert.equal(await lastOf(place), "start", `${shown}: the service runs`);
  }
}

const startService = (place: Workspace) => writeFile(place.at("service.log"), "start\n");

async function mend(place: Workspace, how: "rollback" | "resume") {
  return how === "rollback"
    ? await place.run(["rollback", "--confirm", "--json"])
    : await place.run(["restore", "--resume", "--confirm", "--json"]);
}

requires(
  RS,
  "a staged restore killed at any step is undone or finished whole",
  async (t, fresh) => {
    await sweep(await workspace(t), fresh, []);
    assert.ok((await keptBeside(fresh.client, fresh.name)).length > 0, "the last one ended");
  },
);

requires(
  RS,
  "a restore in place killed at any step is undone or finished whole",
  async (t, fresh) => {
    await sweep(await workspace(t), fresh, ["--in-place"]);
  },
);

requires(
  RS,
  "a signal at any step of a staged restore leaves the state before and nothing beside it, or the whole restore",
  async (t, fresh) => {
    const place = await workspace(t);
    const { then } = await ready(place, fresh, false);
    for (let n = 1 + Math.floor(Math.random() * EVERY); ; n += EVERY) {
      await empty(fresh);
      await fillNow(fresh);
      await startService(place);
      const now = await hashesOf(fresh);
      const told = place.at(`interrupted-${n}`);
      const env = {
        NODE_OPTIONS: `--import=${KILLER}`,
        KILL_AT_JOURNAL_LINE: String(n),
        KILL_TOLD: told,
        KILL_SIGNAL: ["SIGINT", "SIGTERM", "SIGHUP"][n % 3],
      };
      const run = await place.run(["restore", "latest", "--confirm", "--json"], { env });
      const line = (await readFile(told, "utf8").catch(() => "")).trim();
      if (line === "") return;
      const shown = `interrupted after ${line}: ${run.stdout}`;
      assert.equal(await lastOf(place), "start", shown);
      assert.ok(!(await place.backupNames()).includes(".lock"), shown);
      if (run.code === 0) {
        const { c: _live, ...after } = await hashesOf(fresh);
        await assertWhole(place, fresh, shown);
        assert.deepEqual(after, then, shown);
        continue;
      }
      assert.ok(!isAfterTheChange(line), `${shown}: then it is whole`);
      assert.ok([129, 130, 143, 7].includes(run.code ?? 0), shown);
      assert.equal(run.code === 7, (await newestState(place)) === '"undone"', shown);
      assert.deepEqual(await hashesOf(fresh), now, shown);
      assert.deepEqual(await keptBeside(fresh.client, fresh.name), [], shown);
    }
  },
);

const isAfterTheChange = (line: string) =>
  /"live-change","state":"done"|"step":"(aside|expire|end)"/.test(line);

/** What the newest restore's journal says of the live data. */
async function newestState(place: Workspace): Promise<string> {
  const [newest] = await listRecords(place.backupDir);
  return JSON.stringify(newest?.state);
}

/** Documents expire, the journal says that the restore ended, and there is nothing to resume. */
async function assertWhole(place: Workspace, { db }: FreshDatabase, shown: string): Promise<void> {
  const indexes = await db.collection("b").indexes();
  const expiring = indexes.filter(({ expireAfterSeconds }) => expireAfterSeconds === 1_000_000);
  assert.equal(expiring.length, 1, shown);
  assert.equal(await newestState(place), '"finished"', shown);
}

/** A service command that says that it runs, and waits for the test: with FIFOs nobody has to look twice. */
function blocking(place: Workspace, ending: string) {
  const [began, go, once] = [place.at("began"), place.at("go"), place.at("once")];
  for (const path of [began, go]) execFileSync("mkfifo", [path]);
  return {
    command: `[ -e '${once}' ] || { touch '${once}'; echo > '${began}'; cat '${go}'; ${ending}; }`,
    hasBegun: () => readFile(began),
    letGo: () => writeFile(go, "\n"),
  };
}

for (const name of ["SIGINT", "SIGTERM"] as const)
  requires(
    RS,
    `${name} while SERVICE_CHECK is awaited after the swap: the restore is finished whole`,
    async (t, fresh) => {
      const place = await workspace(t);
      await ready(place, fresh, false);
      await fresh.db.collection("b").dropIndex("at_1");
      const check = blocking(place, "true");
      const stopped = `[ "$(cat '${place.at("service.log")}')" = stop ]`;
      await place.writeEnv({
        MONGODB_URI: fresh.uri,
        SERVICE_STOP: `echo stop > '${place.at("service.log")}'`,
        SERVICE_START: `echo start > '${place.at("service.log")}'; touch '${place.at("started")}'`,
        SERVICE_CHECK: `[ ! -e '${place.at("started")}' ] || { ${check.command}; }; ! ${stopped}`,
      });
      await startService(place);
      const running = place.start(["restore", "latest", "--confirm", "--json"]);
      await check.hasBegun();
      running.kill(name);
      await check.letGo();
      const run = await running.result;
      assert.equal(run.code, 0, run.stdout + run.stderr);
      assert.ok(!(await place.backupNames()).includes(".lock"));
      await assertWhole(place, fresh, run.stdout);
    },
  );

requires(
  RS,
  "a signal while a service is awaited that does not come up: the old state is back, and that is exit 7",
  async (t, fresh) => {
    const place = await workspace(t);
    await ready(place, fresh, false);
    await empty(fresh);
    await fillNow(fresh);
    const now = await hashesOf(fresh);
    const start = blocking(place, "exit 1");
    await place.writeEnv({
      MONGODB_URI: fresh.uri,
      SERVICE_STOP: `echo stop >> '${place.at("service.log")}'`,
      SERVICE_START: `${start.command}; echo start >> '${place.at("service.log")}'`,
    });
    const running = place.start(["restore", "latest", "--confirm", "--json"]);
    await start.hasBegun();
    running.kill("SIGINT");
    await start.letGo();
    const run = await running.result;
    assert.equal(run.code, 7, run.stdout + run.stderr);
    assert.deepEqual(await hashesOf(fresh), now);
    assert.deepEqual(await keptBeside(fresh.client, fresh.name), []);
    assert.ok(!(await place.backupNames()).includes(".lock"));
    assert.equal(await newestState(place), '"undone"');
    assert.equal(await lastOf(place), "start");
  },
);
