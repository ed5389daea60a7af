// Servers that only resemble MongoDB: read by plain cursors, said to be of no instant, and restored whole.
import assert from "node:assert/strict";
import type { Document } from "mongodb";
import { dbHash } from "../support/fidelity.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { startLookalike } from "../support/lookalike.ts";
import type { Likeness } from "../support/lookalike.ts";
import { requires } from "../support/requires.ts";
import { workspace } from "../support/workspace.ts";

const without = (document: Document, ...names: readonly string[]): Document =>
  Object.fromEntries(Object.entries(document).filter(([name]) => !names.includes(name)));

const OF_MONGODB = [
  "allocator",
  "storageEngines",
  "javascriptEngine",
  "openssl",
  "modules",
  "gitVersion",
];
const OF_SETS = [
  "setName",
  "hosts",
  "me",
  "primary",
  "setVersion",
  "electionId",
  "lastWrite",
  "topologyVersion",
  "secondary",
  "arbiterOnly",
];

/** listCollections that tells names and types alone. */
const bareListing = (reply: Document) => {
  const { cursor } = reply;
  if (cursor?.firstBatch === undefined) return reply;
  const firstBatch = cursor.firstBatch.map((one: Document) => ({
    name: one.name,
    type: one.type,
    info: { readOnly: false },
  }));
  return { ...reply, cursor: { ...cursor, firstBatch } };
};

const changed = (reply: Document, name: string, hello: readonly string[]) => {
  const plain = without(reply, "$clusterTime", "operationTime");
  if (name === "buildInfo") return without(plain, ...OF_MONGODB);
  if (name === "hello" || name === "ismaster" || name === "isMaster")
    return without(plain, ...hello);
  return name === "listCollections" ? bareListing(plain) : plain;
};

const missing = (name: string) => ({ code: 59, errmsg: `no such command: '${name}'` });

/** As FerretDB: one server, few commands, and no streams. */
const FERRET: Likeness = {
  refuse: (command, name) => {
    if (["collStats", "usersInfo", "rolesInfo", "replSetGetStatus", "dbHash", "top"].includes(name))
      return missing(name);
    if (command.hint?.$natural !== undefined)
      return { code: 238, errmsg: 'find: support for field "hint" is not implemented yet' };
    return null;
  },
  change: (reply, name) => changed(reply, name, OF_SETS),
  hatesExhaust: true,
};

/** As Amazon DocumentDB: calls itself a replica set, and reads at no instant. */
const DOCUMENT_DB: Likeness = {
  refuse: ({ readConcern, $db }, name) => {
    if (readConcern?.level === "snapshot" || readConcern?.afterClusterTime !== undefined)
      return { code: 303, errmsg: "Option 'readConcern: snapshot' is not supported" };
    if (name === "getParameter")
      return { code: 303, errmsg: "Feature not supported: getParameter" };
    if (name === "find" && $db === "local") return { code: 73, errmsg: "no database local" };
    if (name === "find" && $db === "admin") return { code: 303, errmsg: "no accounts to be read" };
    return null;
  },
  change: (reply, name) => changed(reply, name, ["lastWrite", "topologyVersion"]),
  hatesExhaust: true,
};

async function fill({ db }: FreshDatabase): Promise<void> {
  const patients = Array.from({ length: 3_000 }, (_, n) => ({
    _id: ((n * 7_919) % 100_003) as never,
    text: "x".repeat(n % 900),
  }));
  await db.collection("patients").insertMany(patients);
  await db.collection("patients").createIndex({ text: 1 });
  await db.collection("empty").createIndex({ a: 1 });
}

for (const [name, like] of [
  ["FerretDB", FERRET],
  ["Amazon DocumentDB", DOCUMENT_DB],
] as const)
  requires(
    { topology: "replicaSet", server: ">=5" },
    `a server like ${name} is backed up without an instant, and restored whole`,
    async (t, fresh) => {
      await fill(fresh);
      const before = await dbHash(fresh.client, fresh.name);
      const lookalike = await startLookalike(t, fresh.uri, like);
      const place = await workspace(t, { MONGODB_URI: lookalike.through(fresh.uri) });
      const backup = await place.run(["backup", "--json"]);
      assert.equal(backup.code, 0, backup.stdout + backup.stderr);
      assert.equal(backup.json().consistency.mode, "none");
      assert.match(backup.stderr, /resembles MongoDB/);
      assert.ok(!lookalike.refused.has("find") || name === "Amazon DocumentDB");
      const listed = await place.run(["verify", "latest", "--json"]);
      assert.equal(listed.code, 0, listed.stdout + listed.stderr);

      await fresh.db.dropDatabase();
      await place.writeEnv({ MONGODB_URI: fresh.uri });
      const real = await place.run(["restore", "latest", "--confirm", "--json"]);
      assert.equal(real.code, 0, real.stdout + real.stderr);
      assert.deepEqual(await dbHash(fresh.client, fresh.name), before);

      await fresh.db.collection("patients").deleteMany({ text: "" });
      const now = await dbHash(fresh.client, fresh.name);
      await place.writeEnv({ MONGODB_URI: lookalike.through(fresh.uri) });
      const back = await place.run(["restore", "latest", "--confirm", "--force-version", "--json"]);
      assert.equal(back.code, 0, back.stdout + back.stderr);
      assert.equal(
        back.json().mode,
        "in-place",
        "collections without UUIDs cannot be swapped safely",
      );
      assert.deepEqual(await dbHash(fresh.client, fresh.name), before);
      const undone = await place.run(["rollback", "--confirm", "--json"]);
      assert.equal(undone.code, 0, undone.stdout + undone.stderr);
      assert.deepEqual(await dbHash(fresh.client, fresh.name), now);
    },
  );
