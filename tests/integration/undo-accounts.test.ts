// Every way back (a rollback by renames or in place, the undo of a failed restore, the rollback of an interrupted one,
// a resumed rollback) brings back the users and roles of the safety backup that are gone, and compares all of them with
// it. What somebody changed since then is named: the server merges no account into one that exists.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import type { Document } from "mongodb";
import { openBackup } from "../../src/archive/reader.ts";
import type { KeepEvent } from "../../src/events.ts";
import { verifyAccounts, warnAccountsNotHeld } from "../../src/jobs/restore/run/verify-accounts.ts";
import { deploymentFor } from "../support/deployment.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { ownLikeShared } from "../support/servers.ts";
import { atEnd } from "../support/temporary.ts";
import type { Cleanup } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";
import type { Workspace } from "../support/workspace.ts";

const KILLER = resolve(import.meta.dirname, "../support/kill-at-journal.ts");
const LOCAL_ONLY = [{ clientSource: ["127.0.0.1"] }];

const privilegesOn = (db: string, ...actions: string[]) => [
  { resource: { db, collection: "plain" }, actions },
];

async function accountsOf({ client, name }: FreshDatabase): Promise<Document[]> {
  const of = (kind: string) =>
    client.db("admin").collection(`system.${kind}`).find({ db: name }).sort({ _id: 1 }).toArray();
  return [...(await of("users")), ...(await of("roles"))];
}

/** A backup with other accounts than those that are live afterwards, which are given. */
async function ready(t: Cleanup, place: Workspace, fresh: FreshDatabase): Promise<Document[]> {
  const { db, name, uri } = fresh;
  atEnd(t, async () => {
    await db.command({ dropAllUsersFromDatabase: 1 });
    await db.command({ dropAllRolesFromDatabase: 1 });
  });
  await place.writeEnv({ MONGODB_URI: uri });
  await db.collection("plain").insertOne({ v: "old" });
  await db.command({ createRole: "reader", privileges: privilegesOn(name, "find"), roles: [] });
  await db.command({ createUser: "nurse", pwd: "old", roles: ["read"] });
  await db.command({ createUser: "doctor", pwd: "old", roles: [], customData: { since: 1 } });
  assert.equal((await place.run(["backup", "--manual"])).code, 0);
  await db.collection("plain").insertOne({ v: "new" });
  await db.command({
    ...{ updateRole: "reader", privileges: privilegesOn(name, "find", "insert") },
    authenticationRestrictions: LOCAL_ONLY,
  });
  await db.command({ updateUser: "nurse", pwd: "new", roles: ["readWrite"] });
  await db.command({ updateUser: "doctor", customData: { a: 2, b: [3] } });
  await db.command({ updateUser: "nurse", authenticationRestrictions: LOCAL_ONLY });
  return await accountsOf(fresh);
}

async function done(place: Workspace, ...args: string[]): Promise<Document> {
  const run = await place.run([...args, "--confirm", "--json"]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.doesNotMatch(run.json().warnings.join("\n"), /not verified/);
  return run.json();
}

async function killed(place: Workspace, pattern: string, ...args: string[]): Promise<void> {
  const env = { NODE_OPTIONS: `--import=${KILLER}`, KILL_AT_JOURNAL_MATCH: pattern };
  const run = await place.run([...args, "--confirm"], { env });
  assert.equal(run.signal, "SIGKILL", run.stdout + run.stderr);
}

async function dropSome({ db }: FreshDatabase): Promise<void> {
  await db.command({ dropUser: "doctor" });
  await db.command({ dropRole: "reader" });
}

test("every way back brings back users and roles that are gone", async (t) => {
  const fresh = await freshDatabase(t, await ownLikeShared(t, "standalone"));
  const place = await workspace(t);
  const before = await ready(t, place, fresh);
  for (const flags of [[], ["--in-place"]]) {
    await done(place, "restore", "latest", ...flags);
    await dropSome(fresh);
    await done(place, "rollback");
    assert.deepEqual(await accountsOf(fresh), before, `rollback ${flags.join()}`);
    await killed(place, '"step":"users","state":"done"', "restore", "latest", ...flags);
    await dropSome(fresh);
    await done(place, "rollback");
    assert.deepEqual(await accountsOf(fresh), before, `interrupted ${flags.join()}`);
  }
  await done(place, "restore", "latest");
  await killed(place, '"step":"swap","state":"done"', "rollback");
  await dropSome(fresh);
  await done(place, "restore", "--resume");
  assert.deepEqual(await accountsOf(fresh), before, "resumed rollback");
});

test("users that somebody changed are named: a rollback is done with exit 8, an undo with exit 7", async (t) => {
  const fresh = await freshDatabase(t, await ownLikeShared(t, "standalone"));
  const place = await workspace(t);
  await ready(t, place, fresh);
  for (const [pwd, flags] of Object.entries({ staged: [], placed: ["--in-place"] })) {
    await done(place, "restore", "latest", ...flags);
    await fresh.db.command({ updateUser: "nurse", pwd });
    const back = await place.run(["rollback", "--confirm", "--json"]);
    assert.equal(back.code, 8, back.stdout + back.stderr);
    assert.match(
      back.json().error.message as string,
      /rollback is done, but .*the user [^ ]+\.nurse differs$/,
    );
    assert.equal(await fresh.db.collection("plain").countDocuments(), 2);
  }
  await killed(place, '"step":"users","state":"done"', "restore", "latest");
  await fresh.db.command({ updateUser: "nurse", pwd: "died" });
  const dead = await place.run(["rollback", "--confirm", "--json"]);
  assert.equal(dead.code, 8, dead.stdout + dead.stderr);
  assert.match(dead.json().error.message as string, /rollback is done, but .*nurse differs$/);
  const driver = pathToFileURL(
    resolve(import.meta.dirname, "../../node_modules/mongodb/lib/index.js"),
  );
  await writeFile(
    place.at("start.mjs"),
    `
    import mongodb from ${JSON.stringify(driver.href)};
    const client = await new mongodb.MongoClient(${JSON.stringify(fresh.serverUri)}).connect();
    const db = client.db(${JSON.stringify(fresh.name)});
    await db.command({ updateUser: "nurse", pwd: "undone" });
    await db.command({ dropUser: "doctor" });
    await client.close();
    process.exitCode = 1;
  `,
  );
  const SERVICE_START = `test ! -e start.mjs || ${process.execPath} start.mjs; rm -f start.mjs`;
  await place.writeEnv({
    MONGODB_URI: fresh.uri,
    SERVICE_STOP: "true",
    SERVICE_START: `cd ${place.folder} && sh -c '${SERVICE_START}; false'`,
  });
  const failed = await place.run(["restore", "latest", "--confirm", "--json"]);
  assert.equal(failed.code, 7, failed.stdout + failed.stderr);
  assert.match(failed.stderr, /somebody changed users or roles .*nurse differs/);
  const names = (await accountsOf(fresh)).map(({ user, role }) => String(user ?? role));
  assert.deepEqual(names, ["doctor", "nurse", "reader"]);
  assert.equal(await fresh.db.collection("plain").countDocuments(), 2);
});

test("users and roles that are not what they were are named; unreadable ones are not verified", async (t) => {
  const fresh = await freshDatabase(t, await ownLikeShared(t, "standalone"));
  const place = await workspace(t);
  await ready(t, place, fresh);
  const { id } = (await place.run(["backup", "--json"])).json() as { id: string };
  const backup = await openBackup(join(place.backupDir, id));
  const events: KeepEvent[] = [];
  const emit = (event: KeepEvent) => events.push(event);
  const { signal } = new AbortController();
  const { deployment } = await deploymentFor(t, fresh.uri);
  const context = { emit, signal };
  const accounts = { before: backup, usersOf: [fresh.name] };
  await verifyAccounts(deployment, accounts, context);
  // What exists on the server only stays, and is no difference.
  await fresh.db.command({ createUser: "other", pwd: "x", roles: [] });
  await verifyAccounts(deployment, accounts, context);
  await fresh.db.command({ updateUser: "nurse", pwd: "other" });
  await fresh.db.command({ dropUser: "doctor" });
  await fresh.db.command({ updateRole: "reader", privileges: privilegesOn(fresh.name, "find") });
  await assert.rejects(verifyAccounts(deployment, accounts, context), (error: Document) => {
    const { differences } = error.details as { differences: string[] };
    assert.equal(error.code, "failed");
    assert.deepEqual(differences, [
      `the user ${fresh.name}.doctor is missing`,
      `the user ${fresh.name}.nurse differs`,
      `the role ${fresh.name}.reader differs`,
    ]);
    return true;
  });
  assert.equal(events.length, 0);
  const uri = new URL(fresh.uri);
  [uri.username, uri.password] = ["nurse", "other"];
  uri.searchParams.set("authSource", fresh.name);
  const { deployment: limited } = await deploymentFor(t, uri.toString());
  await verifyAccounts(limited, accounts, context);
  warnAccountsNotHeld(
    emit,
    { ...backup, manifest: backup.manifest && { ...backup.manifest, users: "not included" } },
    [fresh.name],
  );
  const told = events.map((event) => (event.kind === "log" ? event.message : ""));
  assert.match(told[0] ?? "", /are not verified: .*"/s);
  assert.match(told[1] ?? "", /are not verified: the safety backup .* does not hold them/);
});
