// Every engine keeps the same promise: the same cases for all of them, on the real server.
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { dbHash, describeCatalog, fillInteresting } from "../support/fidelity.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { ownServer, ROOT } from "../support/servers.ts";
import { pathWithTools } from "../support/stock-tools.ts";
import { atEnd } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";
import type { Workspace } from "../support/workspace.ts";

/** An engine that joins is one line here: what it is called, and which compressions it writes. */
const ENGINES = [
  { engine: "native", compressions: ["gzip"] },
  { engine: "mongodump", compressions: ["gzip", "zstd", "none"] },
  { engine: "ejson", compressions: ["gzip", "zstd", "none"] },
] as const;

const withTools = async () => ({ env: { PATH: await pathWithTools() } });

/** Each file and folder with its mode; those that go meanwhile are left out. */
async function modesOf(folder: string): Promise<[string, number][]> {
  const modes: [string, number][] = [];
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => null);
    if (found) modes.push([path, found.mode & 0o777]);
  }
  return modes;
}

async function assertPrivate(place: Workspace): Promise<void> {
  for (const [path, mode] of await modesOf(place.backupDir))
    assert.equal(mode & 0o077, 0, `${path} is open to other users`);
}

for (const { engine, compressions } of ENGINES)
  for (const compression of compressions)
    requires(
      { topology: "standalone", alone: true },
      `what ${engine} backs up comes back exactly, accounts included (${compression})`,
      async (t, fresh) => {
        const tools = await withTools();
        const place = await workspace(t, {
          MONGODB_URI: fresh.uri,
          BACKUP_ENGINE: engine,
          BACKUP_COMPRESSION: compression,
        });
        await fillInteresting(fresh.db);
        await fresh.db.command({ createUser: "reader", pwd: "x", roles: ["read"] });
        atEnd(t, () => fresh.db.command({ dropAllUsersFromDatabase: 1 }));
        const before = await hashesOf(fresh);
        const catalog = await describeCatalog(fresh.db);
        const backup = await place.run(["backup", "--json"], tools);
        assert.equal(backup.code, 0, backup.stdout + backup.stderr);
        const made = backup.json();
        const manifest = JSON.parse(await readFile(join(made.path, "manifest.json"), "utf8"));
        assert.deepEqual([made.engine, manifest.engine], [engine, engine]);
        assert.equal(manifest.compression.algorithm, compression);
        assert.deepEqual([manifest.users, manifest.consistency], ["included", { mode: "none" }]);
        await assertPrivate(place);
        const [listed] = (await place.run(["list", "--json"])).json().backups;
        assert.deepEqual([listed.id, listed.state], [made.id, "good"]);
        assert.equal((await place.run(["verify", made.id])).code, 0);

        await fresh.db.command({ dropAllUsersFromDatabase: 1 });
        await fresh.db.dropDatabase();
        const restored = await place.run(["restore", "latest", "--confirm", "--json"]);
        assert.equal(restored.code, 0, restored.stdout + restored.stderr);
        assert.deepEqual(await hashesOf(fresh), before);
        assert.deepEqual(await describeCatalog(fresh.db), catalog);
        const { users } = await fresh.db.command({ usersInfo: 1 });
        assert.deepEqual(
          users.map((u: { user: string }) => u.user),
          ["reader"],
        );
      },
    );

const PASSWORDS = [ROOT.password, encodeURIComponent(ROOT.password)];

const assertNoSecret = (text: string, where: string) => {
  for (const secret of PASSWORDS) assert.ok(!text.includes(secret), `${where}: ${text}`);
};

for (const { engine } of ENGINES)
  requires(
    { topology: "standalone" },
    `a wrong password is exit 6 with ${engine}, and nobody reads it`,
    async (t, fresh) => {
      const wrong = fresh.uri.replace(encodeURIComponent(ROOT.password), "wr0ngPassword");
      const place = await workspace(t, { MONGODB_URI: wrong, BACKUP_ENGINE: engine });
      const run = await place.run(["backup", "--json", "--verbose"], await withTools());
      assert.equal(run.code, 6, run.stdout + run.stderr);
      assert.equal(run.json().error.code, "login-failed");
      assert.doesNotMatch(run.stdout + run.stderr, /wr0ngPassword/);
      assert.deepEqual(
        (await place.backupNames()).filter((n) => n.includes("20")),
        [],
      );
    },
  );

const FAIL_POINT = "waitInFindBeforeMakingBatch";

/** Without the definitions of views: mongodump 100.7 writes their options in any order (TOOLS-3411). */
async function hashesOf(fresh: FreshDatabase): Promise<Record<string, string>> {
  const { "system.views": _shuffled, ...rest } = await dbHash(fresh.client, fresh.name);
  return rest;
}

/** Reads of a collection wait until the test is over. */
async function holdReads(t: TestContext, fresh: FreshDatabase, collection: string): Promise<void> {
  const admin = fresh.client.db("admin");
  const data = { nss: `${fresh.name}.${collection}` };
  await admin.command({ configureFailPoint: FAIL_POINT, mode: "alwaysOn", data });
  atEnd(t, () => admin.command({ configureFailPoint: FAIL_POINT, mode: "off" }));
}

/** Resolves when somebody waits to read the collection. */
async function untilRead(fresh: FreshDatabase, collection: string): Promise<void> {
  const filter = { ns: `${fresh.name}.${collection}`, "command.find": collection };
  for (let tries = 0; tries < 600; tries++) {
    const { inprog } = await fresh.client.db("admin").command({ currentOp: 1, ...filter });
    if (inprog.length > 0) return;
    await sleep(50);
  }
  throw new Error(`nobody reads ${collection}`);
}

interface Child {
  readonly pid: string;
  readonly line: string;
}

/** A process's children with their command lines; those that end meanwhile are left out. */
async function childrenOf(pid: number): Promise<Child[]> {
  const listed = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  const children: Child[] = [];
  for (const child of listed.split(" ").filter((one) => one !== "")) {
    const line = await readFile(`/proc/${child}/cmdline`, "utf8").catch(() => null);
    if (line !== null) children.push({ pid: child, line });
  }
  return children;
}

/** The tool at work, once mongokeep has started it: not the look at its version before. */
async function untilStarted(pid: number, tool: string): Promise<Child> {
  for (let tries = 0; tries < 600; tries++) {
    const found = (await childrenOf(pid)).find(({ line }) => line.startsWith(`${tool}\0--config=`));
    if (found) return found;
    await sleep(50);
  }
  throw new Error(`${tool} was not started`);
}

/** An orphan that nobody has buried yet (Z) is gone, too. */
async function untilGone(pid: string): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const state = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
    if (state === null || state.includes(") Z ")) return;
    await sleep(50);
  }
  throw new Error(`${pid} lives`);
}

for (const { engine } of ENGINES)
  requires(
    { topology: "standalone" },
    `Ctrl-C ends ${engine}, which leaves nothing behind and shows its password to nobody`,
    async (t, fresh) => {
      await fresh.db.collection("patients").insertMany([{ a: 1 }, { a: 2 }]);
      const place = await workspace(t, { MONGODB_URI: fresh.uri, BACKUP_ENGINE: engine });
      const temporary = place.at("tmp");
      await mkdir(temporary);
      await holdReads(t, fresh, "patients");
      const env = { PATH: await pathWithTools(), TMPDIR: temporary };
      const running = place.start(["backup", "--verbose"], { env });
      await untilRead(fresh, "patients");
      const children = await childrenOf(running.pid);
      if (engine === "mongodump") children.push(await untilStarted(running.pid, "mongodump"));
      const own = await readFile(`/proc/${running.pid}/cmdline`, "utf8");
      for (const line of [own, ...children.map((c) => c.line)]) assertNoSecret(line, "argv");
      for (const [path, mode] of await modesOf(temporary))
        assert.equal(mode & 0o077, 0, `${path} is open to other users`);

      running.kill("SIGINT");
      const { code, stdout, stderr } = await running.result;
      assert.equal(code, 130, stdout + stderr);
      assertNoSecret(stdout + stderr, "output");
      for (const { pid } of children) await untilGone(pid);
      assert.deepEqual(await readdir(temporary), [], "the file with the password is gone");
      assert.deepEqual(
        (await place.backupNames()).filter((n) => n.includes("20")),
        [],
      );
    },
  );

requires(
  { topology: "replicaSet" },
  "without mongodump the native engine makes the backup, and everybody is told",
  async (t, fresh) => {
    await fresh.db.collection("patients").insertOne({ a: 1 });
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    await mkdir(place.at("bin"));
    const env = { PATH: place.at("bin") };
    const run = await place.run(["backup", "--engine", "mongodump", "--json"], { env });
    assert.equal(run.code, 0, run.stdout + run.stderr);
    const { path, warnings, consistency } = run.json();
    assert.match(warnings.join("\n"), /sudo apt-get install mongodb-database-tools/);
    assert.match(run.stderr, /sudo apt-get install mongodb-database-tools/);
    assert.equal(consistency.mode, "snapshot");
    const manifest = JSON.parse(await readFile(join(path, "manifest.json"), "utf8"));
    assert.equal(manifest.engine, "native");

    const asked = { env: { ...env, BACKUP_ENGINE: "mongodump" } };
    const { checks } = (await place.run(["doctor", "--json"], asked)).json();
    const found = checks.find((check: { name: string }) => check.name === "tools");
    assert.deepEqual(
      [found.state, found.hint],
      ["warn", "Run: sudo apt-get install mongodb-database-tools"],
    );
  },
);

requires(
  { topology: "replicaSet" },
  "mongodump leaves out what is excluded and what restores keep, and says what it does not hold",
  async (t, fresh) => {
    await fresh.db.collection("patients").insertOne({ a: 1 });
    await fresh.db.collection("-sessions").insertOne({ a: 1 });
    await fresh.db.collection("__mongokeep_restores").insertOne({
      ...{ _id: "__mongokeep_2026-01-01_00-00-00_1" as never },
      ...{ restore: "2026-01-01_00-00-00", role: "aside", namespace: `${fresh.name}.patients` },
    });
    await fresh.db.collection("__mongokeep_2026-01-01_00-00-00_1").insertOne({ a: 0 });
    const place = await workspace(t, {
      MONGODB_URI: fresh.uri,
      BACKUP_ENGINE: "mongodump",
      BACKUP_MAX_RATE: "500 MB/s",
      BACKUP_COMPRESSION_LEVEL: "9",
    });
    const run = await place.run(
      ["backup", "--json", "--exclude", `${fresh.name}.-sessions`],
      await withTools(),
    );
    assert.equal(run.code, 0, run.stdout + run.stderr);
    const { path, warnings } = run.json();
    assert.match(warnings.join("\n"), /BACKUP_MAX_RATE is not kept to/);
    assert.match(warnings.join("\n"), /BACKUP_COMPRESSION_LEVEL is not kept to/);
    const files = (await readdir(join(path, fresh.name))).filter((name) => !name.startsWith("$"));
    assert.deepEqual(files.sort(), ["patients.bson.gz", "patients.metadata.json.gz"]);
  },
);

test("mongodump takes a whole replica set with its oplog, as one instant", async (t) => {
  const admin = { user: "root", password: "r00t-and-more" };
  const server = await ownServer(t, { topology: "replicaSet", auth: admin, testCommands: true });
  const fresh = await freshDatabase(t, server.uri);
  await fillInteresting(fresh.db);
  const before = await hashesOf(fresh);
  const place = await workspace(t, { MONGODB_URI: server.uri, BACKUP_ENGINE: "mongodump" });
  const run = await place.run(["backup", "--json"], await withTools());
  assert.equal(run.code, 0, run.stdout + run.stderr);
  const manifest = JSON.parse(await readFile(join(run.json().path, "manifest.json"), "utf8"));
  assert.equal(manifest.consistency.mode, "oplog");
  assert.deepEqual(manifest.databases, ["admin", fresh.name]);
  const { from, to } = manifest.consistency;
  assert.ok(from.t > 0 && (to.t > from.t || (to.t === from.t && to.i >= from.i)));
  const databases = (await readdir(run.json().path)).filter((name) => !name.endsWith(".json"));
  assert.deepEqual(databases, ["admin", fresh.name], "nothing was written meanwhile: no oplog");
  assert.equal((await place.run(["verify", "latest"])).code, 0);

  await fresh.db.dropDatabase();
  const restored = await place.run(["restore", "latest", "--confirm", "--json"]);
  assert.equal(restored.code, 0, restored.stdout + restored.stderr);
  assert.deepEqual(await hashesOf(fresh), before);

  for (const [compression, file] of [
    ["gzip", "oplog.bson"],
    ["zstd", "oplog.bson.zst"],
  ] as const) {
    await holdReads(t, fresh, "patients");
    const args = ["backup", "--compression", compression, "--json"];
    const writing = place.start(args, await withTools());
    await untilRead(fresh, "patients");
    await fresh.db.collection("oddities").insertOne({ written: "meanwhile" });
    await fresh.client.db("admin").command({ configureFailPoint: FAIL_POINT, mode: "off" });
    const written = await writing.result;
    assert.equal(written.code, 0, written.stdout + written.stderr);
    const files = await readdir(written.json().path);
    assert.ok(files.includes(file), files.join());
    assert.equal((await place.run(["verify", "latest"])).code, 0);
    const now = await hashesOf(fresh);
    await fresh.db.collection("oddities").deleteMany({});
    const replayed = await place.run(["restore", "latest", "--confirm", "--json"]);
    assert.equal(replayed.code, 0, replayed.stdout + replayed.stderr);
    assert.deepEqual(await hashesOf(fresh), now, "also what was written meanwhile");
  }
});

for (const [compression, how] of [
  ["gzip", ["--in-place"]],
  ["zstd", []],
] as const)
  requires(
    { topology: "standalone" },
    `mongorestore loads what the native engine backed up, and what it would change comes back too (${[compression, ...how].join(" ")})`,
    async (t, fresh) => {
      const place = await workspace(t, {
        MONGODB_URI: fresh.uri,
        BACKUP_COMPRESSION: compression,
      });
      await fillInteresting(fresh.db);
      const before = await hashesOf(fresh);
      const catalog = await describeCatalog(fresh.db);
      assert.equal((await place.run(["backup"])).code, 0);
      await fresh.db.collection("patients").deleteMany({});
      await fresh.db.collection("oddities").drop();
      const args = ["restore", "latest", ...how, "--engine", "mongodump", "--confirm"];
      const restored = await place.run([...args, "--json"], await withTools());
      assert.equal(restored.code, 0, restored.stdout + restored.stderr);
      assert.deepEqual(restored.json().warnings, []);
      assert.deepEqual(await hashesOf(fresh), before);
      assert.deepEqual(await describeCatalog(fresh.db), catalog);
    },
  );

requires(
  { topology: "standalone" },
  "without mongorestore the native engine restores, and everybody is told",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    await fresh.db.collection("patients").insertMany([{ a: 1 }, { a: 2 }]);
    assert.equal((await place.run(["backup"])).code, 0);
    await fresh.db.collection("patients").drop();
    await mkdir(place.at("bin"));
    const args = ["restore", "latest", "--in-place", "--engine", "mongodump", "--confirm"];
    const run = await place.run([...args, "--json"], { env: { PATH: place.at("bin") } });
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.match(run.json().warnings.join(), /sudo apt-get install mongodb-database-tools/);
    assert.equal(await fresh.db.collection("patients").countDocuments(), 2);
  },
);

test("a restore whose mongorestore is refused, or interrupted, puts the old state back (exit 7)", async (t) => {
  const login = { user: ROOT.user, password: ROOT.password };
  const server = await ownServer(t, { topology: "standalone", testCommands: true, auth: login });
  const fresh = await freshDatabase(t, server.uri);
  const place = await workspace(t, { MONGODB_URI: fresh.uri });
  await fresh.db.collection("patients").insertMany([{ a: 1 }, { a: 2 }]);
  assert.equal((await place.run(["backup", "--manual", "--json"])).code, 0);
  const [{ id }] = (await place.run(["list", "--json"])).json().backups;
  await fresh.db.collection("patients").updateMany({}, { $set: { b: 1 } });
  const present = await hashesOf(fresh);
  const temporary = place.at("tmp");
  await mkdir(temporary);
  const options = { env: { PATH: await pathWithTools(), TMPDIR: temporary } };
  const args = ["restore", id, "--in-place", "--engine", "mongodump", "--confirm", "--json"];
  const onInsert = async (data: object) => {
    const failed = { failCommands: ["insert"], appName: "mongorestore", ...data };
    const failPoint = { configureFailPoint: "failCommand", mode: "alwaysOn", data: failed };
    await fresh.client.db("admin").command(failPoint);
  };

  await onInsert({ errorCode: 8 });
  const refused = await place.run(args, options);
  assert.equal(refused.code, 7, refused.stdout + refused.stderr);
  assert.match(refused.json().error.message, /mongorestore exited with 1/);
  assertNoSecret(refused.stdout + refused.stderr, "output");
  assert.deepEqual(await hashesOf(fresh), present);

  await onInsert({ blockConnection: true, blockTimeMS: 120_000 });
  const running = place.start(args, options);
  const child = await untilStarted(running.pid, "mongorestore");
  assertNoSecret(child.line, "argv");
  running.kill("SIGINT");
  const { code, stdout, stderr } = await running.result;
  assert.equal(code, 7, stdout + stderr);
  await untilGone(child.pid);
  assert.deepEqual(await readdir(temporary), [], "the file with the password is gone");
  assert.deepEqual(await hashesOf(fresh), present);
});
