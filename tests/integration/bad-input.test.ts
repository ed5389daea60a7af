// Wrong settings and damaged backups: one clear error, the right exit code, nothing lost.
import assert from "node:assert/strict";
import { cp, mkdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { sha256Of } from "../../src/util/sha256.ts";
import { dbHash } from "../support/fidelity.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { standaloneWithAuth } from "../support/servers.ts";
import { workspace } from "../support/workspace.ts";
import type { Workspace } from "../support/workspace.ts";

test("without a .env the error says what to put into it", async (t) => {
  const place = await workspace(t);
  const run = await place.run(["backup", "--json"]);
  assert.equal(run.code, 2);
  assert.match(JSON.stringify(run.json().error), /MONGODB_URI/);
});

test("a server out of reach is exit 6, and nothing is left behind", async (t) => {
  const uri = "mongodb://127.0.0.1:9/surg?serverSelectionTimeoutMS=300";
  const place = await workspace(t, { MONGODB_URI: uri });
  const run = await place.run(["backup", "--json"]);
  assert.equal(run.code, 6, run.stderr);
  assert.equal(run.json().error.code, "unreachable");
  assert.deepEqual(
    (await place.backupNames()).filter((n) => /\d{4}-/.test(n)),
    [],
  );
});

test("a wrong password is exit 6 and is not shown", async (t) => {
  const uri = new URL(await standaloneWithAuth());
  uri.password = "wr0ng-Secret";
  uri.pathname = "/surg";
  const place = await workspace(t, { MONGODB_URI: uri.toString() });
  const run = await place.run(["backup", "--json", "--verbose"]);
  assert.equal(run.code, 6, run.stderr);
  assert.equal(run.json().error.code, "login-failed");
  assert.doesNotMatch(run.stdout + run.stderr, /wr0ng-Secret/);
});

requires({ topology: "replicaSet" }, "an unknown database is an error", async (t, fresh) => {
  const place = await workspace(t, { MONGODB_URI: fresh.uri });
  const run = await place.run(["backup", "--json"]);
  assert.equal(run.code, 1, run.stderr);
  assert.equal(run.json().error.code, "database-empty");
});

test("a user without the rights is told the collection and the role", async (t) => {
  const fresh = await freshDatabase(t, await standaloneWithAuth());
  await fresh.db.collection("patients").insertOne({ a: 1 });
  await fresh.db.createCollection("secretstuff");
  const privileges = [
    { resource: { db: fresh.name, collection: "" }, actions: ["listCollections", "listIndexes"] },
  ];
  await fresh.db.command({ createRole: "lister", privileges, roles: [] });
  const roles = ["lister"];
  await fresh.db.command({ createUser: "poor", pwd: "x", roles });
  const uri = new URL(fresh.uri);
  uri.username = "poor";
  uri.password = "x";
  uri.searchParams.set("authSource", fresh.name);
  const place = await workspace(t, { MONGODB_URI: uri.toString() });
  const run = await place.run(["backup", "--json"]);
  assert.equal(run.code, 1, run.stderr);
  const { error } = run.json();
  assert.equal(error.code, "rights-missing");
  assert.match(error.message, new RegExp(`${fresh.name}\\.(patients|secretstuff)`));
  assert.match(error.hint, /backup/);
  await fresh.db.command({ dropAllUsersFromDatabase: 1 });
  await fresh.db.command({ dropAllRolesFromDatabase: 1 });
});

/** A good backup in a workspace, and what the live data is. */
async function goodBackup(t: TestContext, fresh: FreshDatabase) {
  const place = await workspace(t, { MONGODB_URI: fresh.uri });
  await fresh.db.collection("patients").insertMany([{ a: 1 }, { a: 2 }]);
  const backup = (await place.run(["backup", "--json"])).json();
  assert.equal(backup.ok, true, JSON.stringify(backup));
  await fresh.db.collection("patients").insertOne({ a: 3 });
  return { place, path: backup.path as string, live: await dbHash(fresh.client, fresh.name) };
}

const data = (fresh: FreshDatabase) => join(fresh.name, "patients.bson.gz");

/** What is done to a copy of the backup, and the exit code of `verify` and `restore` of it. */
const DAMAGES: readonly {
  readonly name: string;
  readonly harm: (path: string, fresh: FreshDatabase) => Promise<void>;
  readonly code: number;
}[] = [
  { name: "a missing folder", harm: (p) => rm(p, { recursive: true }), code: 2 },
  {
    name: "an empty folder",
    harm: async (p) => {
      await rm(p, { recursive: true });
      await mkdir(p);
    },
    code: 3,
  },
  {
    name: "a truncated file",
    harm: (p, fresh) => truncate(join(p, data(fresh)), 40),
    code: 3,
  },
  {
    name: "one flipped bit",
    harm: async (p, fresh) => {
      const bytes = await readFile(join(p, data(fresh)));
      bytes[30] = (bytes[30] ?? 0) ^ 1;
      await writeFile(join(p, data(fresh)), bytes);
    },
    code: 3,
  },
  { name: "a missing file", harm: (p, fresh) => rm(join(p, data(fresh))), code: 3 },
  { name: "an extra file", harm: (p) => writeFile(join(p, "extra.txt"), "x"), code: 3 },
  {
    name: "a manifest edited by hand",
    harm: (p) => editManifest(p, (text) => text.replace('"documents": 2', '"documents": 3')),
    code: 3,
  },
  {
    name: "a manifest of a newer schema",
    harm: (p) => editManifest(p, (text) => reseal(text.replace('"schema": 1', '"schema": 99'))),
    code: 3,
  },
];

async function editManifest(path: string, edit: (text: string) => string): Promise<void> {
  const file = join(path, "manifest.json");
  const text = await readFile(file, "utf8");
  const edited = edit(text);
  assert.notEqual(edited, text);
  await writeFile(file, edited);
}

/** As a newer mongokeep would have sealed it. */
function reseal(text: string): string {
  const at = text.lastIndexOf(',\n  "sha256": "');
  const open = text.slice(0, at);
  return `${open},\n  "sha256": "${sha256Of(open)}"\n}\n`;
}

for (const { name, harm, code } of DAMAGES)
  requires(
    { topology: "replicaSet" },
    `${name}: verify says so, and restore touches nothing`,
    async (t, fresh) => {
      const { place, path, live } = await goodBackup(t, fresh);
      await harm(path, fresh);
      const verified = await place.run(["verify", path, "--json"]);
      assert.equal(verified.code, code, verified.stdout + verified.stderr);
      assert.equal(verified.json().ok, false);
      if (code === 3) assert.ok(verified.json().backups[0].problems.length > 0);
      const restored = await place.run(["restore", path, "--confirm", "--json"]);
      assert.equal(restored.code, code, restored.stdout + restored.stderr);
      assert.equal(restored.json().ok, false);
      assert.deepEqual(await dbHash(fresh.client, fresh.name), live);
      const { backups } = (await place.run(["list", "--json"])).json();
      const good = backups.filter(
        (b: { verification: { ok: boolean } | null }) => b.verification?.ok,
      );
      assert.deepEqual(good, [], "what is damaged is not listed as good");
    },
  );

requires(
  { topology: "replicaSet" },
  "a folder without a manifest but with data is read as a stock dump, and promises nothing",
  async (t, fresh) => {
    const { place, path } = await goodBackup(t, fresh);
    const copy = place.at("copy");
    await cp(path, copy, { recursive: true });
    await rm(join(copy, "manifest.json"));
    await rm(join(copy, "verification.json"));
    assert.equal((await place.run(["verify", copy])).code, 0);
    const { backups } = (await place.run(["list", "--json"])).json();
    assert.equal(backups.length, 1, "it is not in BACKUP_DIR, and not listed");
  },
);

requires({ topology: "replicaSet" }, "two backups in one second get two ids", async (t, fresh) => {
  const { place } = await goodBackup(t, fresh);
  const runs = [await place.run(["backup", "--json"]), await place.run(["backup", "--json"])];
  const ids = runs.map((r) => r.json().id as string);
  assert.notEqual(ids[0], ids[1]);
  assert.equal((await listed(place)).length, 3);
});

async function listed(place: Workspace): Promise<{ id: string }[]> {
  return (await place.run(["list", "--json"])).json().backups as { id: string }[];
}

requires(
  { topology: "replicaSet" },
  "two runs at once: one works, the other is told who holds the lock (exit 4)",
  async (t, fresh) => {
    const { place } = await goodBackup(t, fresh);
    await fresh.db
      .collection("large")
      .insertMany(Array.from({ length: 40_000 }, (_, i) => ({ i, fill: "y".repeat(300) })));
    const slow = { BACKUP_MAX_RATE: "4" };
    const first = place.start(["backup", "--manual", "--json", "--verbose"], { env: slow });
    await first.says(/dump/i);
    // Stopped, it holds the lock however long the second one takes to start.
    first.kill("SIGSTOP");
    const second = await place.run(["backup", "--manual", "--json"]);
    first.kill("SIGCONT");
    assert.equal(second.code, 4, second.stdout + second.stderr);
    assert.match(second.json().error.message, new RegExp(String(first.pid)));
    assert.equal((await first.result).code, 0);
  },
);

for (const [what, change] of [
  ["dropped", (f: FreshDatabase) => f.db.collection("b").drop()],
  ["renamed", (f: FreshDatabase) => f.db.collection("b").rename("b2")],
  ["created", (f: FreshDatabase) => f.db.createCollection("c")],
] as const)
  requires(
    { topology: "replicaSet" },
    `a collection ${what} during the dump: the backup is one true state, or there is none`,
    async (t, fresh) => {
      const rows = Array.from({ length: 20_000 }, (_, i) => ({ i, fill: "z".repeat(300) }));
      await fresh.db.collection("a").insertMany(rows);
      await fresh.db.collection("b").insertMany(rows.slice(0, 5_000).map(({ i }) => ({ i })));
      const place = await workspace(t, { MONGODB_URI: fresh.uri, BACKUP_MAX_RATE: "3" });
      const before = await dbHash(fresh.client, fresh.name);
      const running = place.start(["backup", "--json", "--verbose"]);
      await running.says(/dump/i);
      await change(fresh);
      const after = await dbHash(fresh.client, fresh.name);
      const run = await running.result;
      assert.equal(run.code, 0, run.stdout + run.stderr);
      await fresh.db.dropDatabase();
      assert.equal((await place.run(["restore", "latest", "--confirm"])).code, 0);
      const restored = JSON.stringify(await dbHash(fresh.client, fresh.name));
      const states = [JSON.stringify(before), JSON.stringify(after)];
      assert.ok(states.includes(restored), "the restored state never existed");
    },
  );
