// Thousands of small collections, one a customer: what each of them costs, and how many files are open.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { MongoClient } from "mongodb";
import { ownServer } from "../support/servers.ts";
import { withDatabase } from "../support/fresh-database.ts";
import { workspace } from "../support/workspace.ts";

const MAIN = resolve(import.meta.dirname, "../../src/cli/main.ts");
const COUNTER = resolve(import.meta.dirname, "../support/count-flushes.ts");
const run = promisify(execFile);
const FEW = 30;
const MANY = 130;

async function server(t: TestContext) {
  const { uri } = await ownServer(t, { topology: "replicaSet" });
  const client = await MongoClient.connect(uri);
  t.after(() => client.close());
  const fill = async (name: string, collections: number) => {
    const numbers = Array.from({ length: collections }, (_, n) => n);
    await Promise.all(numbers.map((n) => client.db(name).collection(`c${n}`).insertOne({ n })));
  };
  /** All that anybody asked the server for until now. */
  const asked = async () => {
    const { opcounters } = await client.db("admin").command({ serverStatus: 1 });
    const kinds = ["command", "query", "getmore", "insert", "update", "delete"];
    return kinds.reduce(
      (sum, kind) => sum + Number((opcounters as Record<string, number>)[kind]),
      0,
    );
  };
  return { uri, client, fill, asked };
}

test("a collection more costs few questions and flushes, in a backup and in a restore", async (t) => {
  const { uri, fill, asked } = await server(t);
  const costs = new Map<string, { asked: number; flushes: number }>();
  for (const collections of [FEW, MANY]) {
    const database = `many_${collections}`;
    await fill(database, collections);
    const place = await workspace(t, { MONGODB_URI: withDatabase(uri, database) });
    const measure = async (what: string, args: readonly string[]) => {
      const env = { NODE_OPTIONS: `--import=${COUNTER}`, FLUSHES_TOLD: place.at("flushes") };
      const before = await asked();
      const result = await place.run(args, { env });
      assert.equal(result.code, 0, result.stderr);
      const flushes = Number(await readFile(place.at("flushes"), "utf8"));
      assert.ok(flushes > 0);
      costs.set(`${what} ${collections}`, { asked: (await asked()) - before, flushes });
    };
    await measure("backup", ["backup"]);
    await measure("restore", ["restore", "latest", "--confirm"]);
  }
  const each = (what: string, kind: "asked" | "flushes") =>
    ((costs.get(`${what} ${MANY}`)?.[kind] ?? 0) - (costs.get(`${what} ${FEW}`)?.[kind] ?? 0)) /
    (MANY - FEW);
  t.diagnostic(JSON.stringify([...costs]));
  // Stock mongodump asks five. Each has two files, which are flushed.
  assert.ok(each("backup", "asked") <= 5, `${each("backup", "asked")} questions a collection`);
  assert.ok(each("backup", "flushes") <= 2.2, `${each("backup", "flushes")} flushes a collection`);
  // A backup of what is replaced is in it: made, loaded, proved, swapped, compared.
  assert.ok(each("restore", "asked") <= 22, `${each("restore", "asked")} questions a collection`);
  assert.ok(each("restore", "flushes") <= 3, `${each("restore", "flushes")} flushes a collection`);
});

test("few open files are enough for hundreds of collections, and too few are told as such", async (t) => {
  const { uri, client, fill } = await server(t);
  await fill("customers", 300);
  const place = await workspace(t, { MONGODB_URI: withDatabase(uri, "customers") });
  const limited = async (files: number, ...args: string[]) => {
    const script = `ulimit -n ${files} && exec "$0" "$@"`;
    const env = { PATH: process.env.PATH ?? "", HOME: place.home };
    const options = { cwd: place.folder, env, maxBuffer: 64 << 20 };
    const argv = ["-c", script, process.execPath, MAIN, ...args];
    return await run("sh", argv, options).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: unknown) => error as { code: number; stdout: string; stderr: string },
    );
  };
  const backup = await limited(100, "backup");
  assert.equal(backup.code, 0, backup.stderr);
  await client.db("customers").collection("c7").deleteMany({});
  const restore = await limited(100, "restore", "latest", "--confirm");
  assert.equal(restore.code, 0, restore.stderr);
  assert.equal(await client.db("customers").collection("c7").countDocuments(), 1);
  assert.equal((await limited(100, "verify", "latest")).code, 0);
  const { plan } = (await place.run(["restore", "latest", "--json"])).json() as {
    plan: { estimate: { neededBytes: number } };
  };
  // A collection and its index are a file each, however little is in them.
  assert.ok(plan.estimate.neededBytes >= 300 * 2 * 16_384, `${plan.estimate.neededBytes} bytes`);
  const { code, stdout } = await limited(29, "backup", "--json");
  assert.equal(code, 1);
  const { error } = JSON.parse(stdout) as { error: { code: string; hint: string } };
  assert.equal(error.code, "too-many-files");
  assert.match(error.hint, /ulimit -n/);
});
