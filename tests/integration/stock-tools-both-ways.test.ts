// Our backups through stock mongorestore, with mongokeep gone, judged by the server's own hash. gzip of one database is in
// round-trip.test.ts, the way back there and in stock-archives.test.ts.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Document } from "mongodb";
import { dbHash, fillInteresting } from "../support/fidelity.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { ownServer } from "../support/servers.ts";
import { runStockTool } from "../support/stock-tools.ts";
import { unpackZstd } from "../support/unpack-zstd.ts";
import { workspace } from "../support/workspace.ts";

/** Escaped, cut, cut differently for its buckets, or another file where case does not count. */
const NAMES = ["100%", "a/b", "Case", "case", "手".repeat(55), "sp ace", "%2e%2e"];
const LONG_SERIES = `ts${"ü".repeat(60)}`;

/** Without what mongorestore 100.7 is known to lose: Timestamp(0,0) becomes the present (TOOLS-3540). */
async function fill({ db }: FreshDatabase): Promise<void> {
  await fillInteresting(db);
  await db.collection("oddities").updateMany({}, { $unset: { empty: 1 } });
  for (const name of NAMES) await db.collection(name).insertOne({ of: name });
  await db.createCollection(LONG_SERIES, { timeseries: { timeField: "at", metaField: "ward" } });
  await db.collection(LONG_SERIES).insertOne({ at: new Date(0), ward: 1, n: 1 });
  // Breaks the rule that it gets afterwards: without --bypassDocumentValidation it would be lost, with exit 0.
  await db.collection("strict").insertOne({ _id: 1, a: "text" } as Document);
  await db.command({ collMod: "strict", validator: { a: { $type: "int" } } });
}

const namesOf = (list: readonly Document[]) =>
  list.map((one) => String(one.user ?? one.role)).sort();

for (const compression of ["zstd", "none"] as const)
  requires(
    { topology: "replicaSet", alone: true },
    `stock mongorestore restores all of a backup of ours (${compression}), users and roles too`,
    async (t, fresh) => {
      const { client, db, name, serverUri } = fresh;
      const place = await workspace(t, {
        MONGODB_URI: fresh.uri,
        BACKUP_COMPRESSION: compression,
      });
      await fill(fresh);
      await db.command({ createRole: "reader", privileges: [], roles: ["read"] });
      await db.command({ createUser: "app", pwd: "x", roles: ["reader"] });
      const before = await dbHash(client, name);
      const { path } = (await place.run(["backup", "--json"])).json();
      await db.dropDatabase();
      await db.command({ dropAllUsersFromDatabase: 1 });
      await db.command({ dropAllRolesFromDatabase: 1 });
      if (compression === "zstd") await unpackZstd(path);
      await runStockTool("mongorestore", [
        `--uri=${serverUri}`,
        ...["--bypassDocumentValidation", "--restoreDbUsersAndRoles"],
        ...[`--db=${name}`, `--dir=${path}/${name}`],
      ]);
      assert.deepEqual(await dbHash(client, name), before);
      const { users } = await db.command({ usersInfo: 1 });
      const { roles } = await db.command({ rolesInfo: 1 });
      assert.deepEqual([namesOf(users), namesOf(roles)], [["app"], ["reader"]]);
      await db.command({ dropAllUsersFromDatabase: 1 });
      await db.command({ dropAllRolesFromDatabase: 1 });
    },
  );

test("stock mongorestore restores our backup of a whole deployment, accounts too", async (t) => {
  const admin = { user: "root", password: "r00t" };
  const server = await ownServer(t, { topology: "replicaSet", auth: admin });
  const fresh = await freshDatabase(t, server.uri);
  await fill(fresh);
  const shop = fresh.client.db("shop");
  await shop.collection("orders").insertOne({ n: 1 });
  await shop.command({ createUser: "app", pwd: "x", roles: ["readWrite"] });
  const before = await dbHash(fresh.client, fresh.name);
  const place = await workspace(t, { MONGODB_URI: server.uri });
  const backup = await place.run(["backup", "--json"]);
  assert.equal(backup.code, 0, backup.stdout + backup.stderr);
  await fresh.db.dropDatabase();
  await shop.dropDatabase();
  await shop.command({ dropAllUsersFromDatabase: 1 });
  await runStockTool("mongorestore", [
    `--uri=${server.uri}`,
    ...["--gzip", "--bypassDocumentValidation", `--dir=${String(backup.json().path)}`],
  ]);
  assert.deepEqual(await dbHash(fresh.client, fresh.name), before);
  assert.equal(await shop.collection("orders").countDocuments(), 1);
  const { users } = await fresh.client.db("admin").command({ usersInfo: { forAllDBs: true } });
  assert.deepEqual(namesOf(users), ["app", "root"]);
  await shop.dropDatabase();
});
