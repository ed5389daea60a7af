// Files of stock `mongodump --archive`: what it wrote verifies, restores exactly, and leaves nothing behind.
import assert from "node:assert/strict";
import { readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { dbHash, describeCatalog, fillInteresting } from "../support/fidelity.ts";
import { freshDatabase, withDatabase } from "../support/fresh-database.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { ownServer } from "../support/servers.ts";
import { runStockTool } from "../support/stock-tools.ts";
import { workspace } from "../support/workspace.ts";
import type { Workspace } from "../support/workspace.ts";

/** Names that are awkward as file names, each for its own reason; one is of a time series and is cut. */
const AWKWARD = ["a/../../b", "new\nline", "100%", "Case", "case", "手".repeat(60)];
const LONG_SERIES = `ts${"ü".repeat(60)}`;

async function fill({ db }: FreshDatabase): Promise<void> {
  await fillInteresting(db);
  for (const name of AWKWARD) await db.collection(name).insertOne({ of: name });
  await db.createCollection(LONG_SERIES, { timeseries: { timeField: "at" } });
  await db.collection(LONG_SERIES).insertOne({ at: new Date(0), n: 1 });
}

/** mongodump shuffles the keys of options (TOOLS-3411), so that the bytes of a view's entry differ. */
async function hashWithoutViews(fresh: FreshDatabase): Promise<Record<string, string>> {
  const { "system.views": _shuffled, ...rest } = await dbHash(fresh.client, fresh.name);
  return rest;
}

const zip = (gzip: boolean) => (gzip ? ["--gzip"] : []);

/** An archive of the database, made by the stock tool. */
async function archive(
  place: Workspace,
  fresh: FreshDatabase,
  ...more: readonly string[]
): Promise<string> {
  const path = place.at("dump.archive");
  const uri = withDatabase(fresh.serverUri, fresh.name);
  await runStockTool("mongodump", [`--uri=${uri}`, `--archive=${path}`, ...more]);
  return path;
}

const unpackedIn = async (folder: string) =>
  (await readdir(folder)).filter((name) => name.startsWith(".unpacked"));

for (const gzip of [false, true])
  requires(
    { topology: "replicaSet", alone: true },
    `an archive of mongodump ${gzip ? "with" : "without"} --gzip verifies and comes back exactly, accounts too`,
    async (t, fresh) => {
      const place = await workspace(t, { MONGODB_URI: fresh.uri });
      await fill(fresh);
      await fresh.db.command({ createUser: "app", pwd: "x", roles: ["readWrite"] });
      const before = await hashWithoutViews(fresh);
      const catalog = await describeCatalog(fresh.db);
      const path = await archive(place, fresh, "--dumpDbUsersAndRoles", ...zip(gzip));
      const verified = await place.run(["verify", path, "--json"]);
      assert.equal(verified.code, 0, verified.stdout + verified.stderr);
      await fresh.db.dropDatabase();
      await fresh.db.command({ dropAllUsersFromDatabase: 1 });

      const plan = await place.run(["restore", path, "--json"]);
      assert.equal(plan.code, 0, plan.stdout + plan.stderr);
      assert.equal(plan.json().backup, path);
      assert.deepEqual(plan.json().plan.usersOf, [fresh.name]);

      const restored = await place.run(["restore", path, "--confirm", "--json"]);
      assert.equal(restored.code, 0, restored.stdout + restored.stderr);
      assert.equal(restored.json().backup, path);
      assert.deepEqual(await hashWithoutViews(fresh), before);
      assert.deepEqual(await describeCatalog(fresh.db), catalog);
      const { users } = await fresh.db.command({ usersInfo: 1 });
      assert.deepEqual(
        users.map((u: { user: string }) => u.user),
        ["app"],
      );
      const same = await place.run(["diff", path, "--json"]);
      assert.equal(same.json().equal, true, same.stdout + same.stderr);
      assert.deepEqual(await unpackedIn(place.backupDir), []);
      await fresh.db.command({ dropAllUsersFromDatabase: 1 });
    },
  );

requires(
  { topology: "replicaSet" },
  "a damaged archive is told with its place, and the live data stays as it is",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    await fillInteresting(fresh.db);
    const path = await archive(place, fresh);
    const live = await dbHash(fresh.client, fresh.name);
    const good = await readFile(path);
    const wrong = Buffer.from(good);
    // Inside a string of a document: only the checksum of the collection can tell.
    const at = wrong.indexOf("MRN-000123");
    wrong[at] = 0x58;
    for (const bytes of [wrong, good.subarray(0, at)]) {
      await writeFile(path, bytes);
      const verified = await place.run(["verify", path, "--json"]);
      assert.equal(verified.code, 3, verified.stdout + verified.stderr);
      const [problem] = verified.json().backups[0].problems;
      assert.equal(problem.file, `${fresh.name}.patients`);
      const restored = await place.run(["restore", path, "--confirm", "--json"]);
      assert.equal(restored.code, 3, restored.stdout + restored.stderr);
      assert.match(restored.json().error.message, /patients": .*byte \d+ of the archive/);
    }
    assert.deepEqual(await dbHash(fresh.client, fresh.name), live);
    assert.deepEqual(await unpackedIn(place.backupDir), []);
  },
);

requires(
  { topology: "replicaSet" },
  "a file that is no archive is exit 2, and a full disk is exit 5 before anything is unpacked",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    await fresh.db.collection("patients").insertOne({ a: 1 });
    const path = await archive(place, fresh, "--gzip");
    const other = place.at("notes.txt");
    const refusals = [
      ["verify", ""],
      ["verify", Buffer.from("1f8b", "hex")],
      ["restore", "some text"],
    ] as const;
    for (const [command, bytes] of refusals) {
      await writeFile(other, bytes);
      const run = await place.run([command, other, "--json"]);
      assert.equal(run.code, 2, run.stdout + run.stderr);
      assert.match(run.json().error.message, /no archive of mongodump/);
    }
    await place.writeEnv({
      MONGODB_URI: fresh.uri,
      DISK_WARN_FREE: "901TB",
      DISK_ABORT_FREE: "900TB",
    });
    const full = await place.run(["restore", path, "--confirm", "--json"]);
    assert.equal(full.code, 5, full.stdout + full.stderr);
    assert.deepEqual(await unpackedIn(place.backupDir), []);
    await truncate(path, (await stat(path)).size - 6);
    assert.equal((await place.run(["verify", path])).code, 3);
  },
);

test("an archive of a whole deployment comes back, with an oplog too", async (t) => {
  const server = await ownServer(t, { topology: "replicaSet" });
  const fresh = await freshDatabase(t, server.uri);
  await fillInteresting(fresh.db);
  await fresh.client.db("shop").collection("orders").insertOne({ n: 1 });
  const before = await hashWithoutViews(fresh);
  const place = await workspace(t, { MONGODB_URI: server.uri });
  const [plain, logged] = [place.at("all.archive"), place.at("logged.archive")];
  await runStockTool("mongodump", [`--uri=${server.uri}`, `--archive=${plain}`]);
  await runStockTool("mongodump", [
    `--uri=${server.uri}`,
    `--archive=${logged}`,
    "--oplog",
    "--gzip",
  ]);
  await fresh.db.dropDatabase();
  await fresh.client.db("shop").dropDatabase();
  for (const path of [plain, logged]) assert.equal((await place.run(["verify", path])).code, 0);
  for (const path of [plain, logged]) {
    const restored = await place.run(["restore", path, "--confirm", "--json"]);
    assert.equal(restored.code, 0, restored.stdout + restored.stderr);
    assert.match(restored.json().warnings.join(), /state is not restored: config\./);
    assert.deepEqual(await hashWithoutViews(fresh), before);
    assert.equal(await fresh.client.db("shop").collection("orders").countDocuments(), 1);
    await fresh.db.collection("patients").deleteMany({});
  }
});

requires(
  { topology: "replicaSet" },
  "what a dump has of mongokeep's own, kept beside the data by a restore, is left out",
  async (t, fresh) => {
    await fresh.db.collection("patients").insertMany([{ n: 1 }, { n: 2 }]);
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    assert.equal((await place.run(["backup", "--json"])).code, 0);
    await fresh.db.collection("patients").updateMany({}, { $set: { late: true } });
    const first = await place.run(["restore", "latest", "--confirm", "--json"]);
    assert.equal(first.code, 0, first.stdout + first.stderr);
    const before = await dbHash(fresh.client, fresh.name);
    const archive = place.at("all.archive");
    await runStockTool("mongodump", [`--uri=${fresh.uri}`, `--archive=${archive}`]);
    await fresh.db.collection("patients").deleteMany({});
    for (const more of [[], ["--in-place"]]) {
      const run = await place.run(["restore", archive, "--confirm", "--json", ...more]);
      assert.equal(run.code, 0, run.stdout + run.stderr);
      assert.match(
        run.json().warnings.join(),
        /kept beside the data is not restored: .*__mongokeep_restores/,
      );
      assert.deepEqual(await dbHash(fresh.client, fresh.name), before);
    }
    const back = await place.run(["rollback", first.json().restoreId, "--confirm", "--json"]);
    assert.equal(back.code, 0, back.stdout + back.stderr);
    assert.equal(await fresh.db.collection("patients").countDocuments({ late: true }), 2);
  },
);
