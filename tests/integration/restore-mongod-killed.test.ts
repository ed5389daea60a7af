// kill -9 of mongod at journalled steps of a restore: mongokeep ends and says so, and when the server is there
// again `rollback` or `restore --resume` gives the state before, or the backup, whole.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { MongoClient } from "mongodb";
import type { Db } from "mongodb";
import { dbHash } from "../support/fidelity.ts";
import { mortalMongod } from "../support/mortal-mongod.ts";
import type { MortalMongod } from "../support/mortal-mongod.ts";
import { workspace } from "../support/workspace.ts";
import type { Workspace } from "../support/workspace.ts";

const KILLER = resolve(import.meta.dirname, "../support/kill-at-journal.ts");
/** With SLOW=1 every journalled step; else some, others each time. */
const EVERY = process.env.SLOW === "1" ? 1 : 7;
const DATABASE = "surg";

type Hashes = Record<string, string>;

/** A client of its own each time: the server comes and goes. */
async function withDb<T>(
  { uri }: MortalMongod,
  act: (db: Db, client: MongoClient) => Promise<T>,
): Promise<T> {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 30_000 });
  try {
    return await act(client.db(DATABASE), client);
  } finally {
    await client.close();
  }
}

async function fill(db: Db, v: string): Promise<void> {
  await db.dropDatabase();
  for (const name of ["a", "b"])
    await db
      .collection(name)
      .insertMany(Array.from({ length: 50 }, (_, i) => ({ _id: i as never, v })));
  await db.collection("a").createIndex({ v: 1 });
  await db.createCollection("view", { viewOn: v === "old" ? "a" : "b", pipeline: [] });
}

const hashes = (server: MortalMongod): Promise<Hashes> =>
  withDb(server, (_, client) => dbHash(client, DATABASE));

interface Ready {
  readonly server: MortalMongod;
  readonly place: Workspace;
  readonly then: Hashes;
}

async function ready(t: TestContext): Promise<Ready> {
  const server = await mortalMongod(t);
  const place = await workspace(t);
  const log = place.at("service.log");
  await place.writeEnv({
    MONGODB_URI: server.uri.replace("/?", `/${DATABASE}?`),
    SERVICE_STOP: `echo stop >> '${log}'`,
    SERVICE_START: `echo start >> '${log}'`,
    SERVICE_CHECK: `[ "$(tail -n 1 '${log}')" = start ]`,
  });
  await writeFile(log, "start\n");
  await withDb(server, (db) => fill(db, "old"));
  const backup = await place.run(["backup", "--manual", "--json"]);
  assert.equal(backup.code, 0, backup.stderr);
  return { server, place, then: await hashes(server) };
}

async function mend(place: Workspace, how: "rollback" | "resume") {
  return how === "rollback"
    ? await place.run(["rollback", "--confirm", "--json"])
    : await place.run(["restore", "--resume", "--confirm", "--json"]);
}

async function sweep({ server, place, then }: Ready, flags: readonly string[]): Promise<void> {
  for (let n = 1 + Math.floor(Math.random() * EVERY); ; n += EVERY) {
    await place.run(["restore", "--drop-aside", "--confirm"]);
    await withDb(server, (db) => fill(db, "new"));
    const now = await hashes(server);
    const told = place.at(`killed-${n}`);
    const env = {
      NODE_OPTIONS: `--import=${KILLER}`,
      KILL_AT_JOURNAL_LINE: String(n),
      KILL_TOLD: told,
      KILL_PID: String(server.pid()),
    };
    const run = await place.run(["restore", "latest", "--confirm", "--json", ...flags], { env });
    const line = (await readFile(told, "utf8").catch(() => "")).trim();
    if (line === "") return;
    await server.gone();
    await server.start();
    const shown = `killed after ${line}: exit ${String(run.code)} ${run.stdout}`;
    const after = await hashes(server);
    if (run.code === 0 || isDone(line)) {
      assert.deepEqual(after, then, shown);
      continue;
    }
    assert.ok([1, 6, 7, 8].includes(run.code ?? 0), shown);
    if (run.code !== 8) {
      assert.deepEqual(after, now, shown);
      continue;
    }
    const how = Math.random() < 0.5 ? "rollback" : "resume";
    const mended = await mend(place, how);
    assert.equal(mended.code, 0, `${shown}; then ${how}: ${mended.stdout}`);
    assert.deepEqual(
      await hashes(server),
      how === "rollback" ? now : then,
      `${shown}; then ${how}`,
    );
    const service = (await readFile(place.at("service.log"), "utf8")).trim().split("\n");
    assert.equal(service.at(-1), "start", shown);
  }
}

/** Nothing live changes any more. */
const isDone = (line: string) =>
  /"live-change","state":"done"|"step":"(aside|expire|end)"/.test(line);

test("mongod killed at a step of a staged restore: old or new, never a mix", async (t) => {
  await sweep(await ready(t), []);
});

test("mongod killed at a step of a restore in place: old or new, never a mix", async (t) => {
  await sweep(await ready(t), ["--in-place"]);
});

test("views of a restore in place are on disk before it says that its data is live", async (t) => {
  const { server, place, then } = await ready(t);
  await withDb(server, (db) => fill(db, "new"));
  const told = place.at("killed");
  const env = {
    NODE_OPTIONS: `--import=${KILLER}`,
    KILL_AT_JOURNAL_MATCH: '"live-change","state":"done"',
    KILL_TOLD: told,
    KILL_PID: String(server.pid()),
  };
  const run = await place.run(["restore", "latest", "--confirm", "--json", "--in-place"], { env });
  assert.match(await readFile(told, "utf8"), /live-change/, run.stdout + run.stderr);
  await server.gone();
  await server.start();
  assert.deepEqual(await hashes(server), then, run.stdout);
});
