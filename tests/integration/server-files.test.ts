// A server that may open few files: mongod ends itself when it reaches its limit, so it must not come to that.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { MongoClient } from "mongodb";
import { startMongod } from "../../src/tools/throwaway-mongod.ts";
import { withDatabase } from "../support/fresh-database.ts";
import { mongod } from "../support/servers.ts";
import { atEnd, temporaryFolder } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";

const LIMIT = 1_000;
const COLLECTIONS = 220;
/** Open at once, as a restore of them takes it. */
const ENOUGH = 4_000;

test("a restore whose second copy the server could not open is refused with the live data untouched", async (t) => {
  const binary = join(await temporaryFolder(t), "mongod");
  await writeFile(
    binary,
    `#!/bin/sh\nulimit -S -n ${LIMIT}\nexec '${(await mongod()).path}' "$@"\n`,
  );
  await chmod(binary, 0o755);
  const server = await startMongod({ binary, topology: "replicaSet" });
  atEnd(t, () => server.stop());
  await using client = await MongoClient.connect(server.uri);
  const db = client.db("customers");
  const numbers = Array.from({ length: COLLECTIONS }, (_, n) => n);
  await Promise.all(numbers.map((n) => db.collection(`c${n}`).insertOne({ n })));
  const place = await workspace(t, { MONGODB_URI: withDatabase(server.uri, "customers") });
  assert.equal((await place.run(["backup"])).code, 0);
  await db.collection("c7").updateOne({}, { $set: { n: "written since" } });

  const plan = await place.run(["restore", "latest"]);
  assert.equal(plan.code, 0, plan.stderr);
  assert.match(plan.stderr, /its limit is 1,000.*would be refused/);
  const refused = await place.run(["restore", "latest", "--confirm", "--json"]);
  assert.equal(refused.code, 1, refused.stderr);
  const { error } = refused.json() as { error: { code: string; hint: string } };
  assert.equal(error.code, "too-many-files");
  assert.match(error.hint, /ulimit -n 64000.*--in-place.*--only/);
  assert.equal((await db.collection("c7").findOne())?.n, "written since");
  const names = await db.listCollections({}, { nameOnly: true }).toArray();
  assert.equal(names.length, COLLECTIONS, "nothing is staged");

  const part = await place.run(["restore", "latest", "--only", "customers.c7", "--confirm"]);
  assert.equal(part.code, 0, part.stderr);
  assert.equal((await db.collection("c7").findOne())?.n, 7);

  // Only of Linux is the limit of a running process known.
  if (process.platform !== "linux") return;
  const { pid } = await db.admin().command({ serverStatus: 1 });
  await promisify(execFile)("prlimit", ["--pid", String(pid), `--nofile=${ENOUGH}:`]);
  const whole = await place.run(["restore", "latest"]);
  assert.equal(whole.code, 0, whole.stderr);
  assert.doesNotMatch(whole.stderr, /would be refused/, "it was raised since the server's start");
});
