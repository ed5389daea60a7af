// Dumps of stock mongodump --oplog under writers: mongokeep restores what mongorestore --oplogReplay restores.
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { MongoClient } from "mongodb";
import type { Json } from "../support/cli.ts";
import { dbHash, describeCatalog, keptBeside } from "../support/fidelity.ts";
import { mongod, ownServer } from "../support/servers.ts";
import { runStockTool } from "../support/stock-tools.ts";
import { atEnd } from "../support/temporary.ts";
import type { Cleanup } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";

const RS = { topology: "replicaSet" } as const;

function connect(t: Cleanup, uri: string): MongoClient {
  const client = new MongoClient(uri);
  atEnd(t, () => client.close());
  return client;
}

async function fill(client: MongoClient): Promise<void> {
  const db = client.db("surg");
  const rows = Array.from({ length: 4_000 }, (_, i) => ({
    _id: i as never,
    n: 0,
    fill: "x".repeat(900),
  }));
  for (const name of ["a", "b"]) await db.collection(name).insertMany(rows);
  await db.collection("a").createIndex({ n: 1 }, { name: "by_n" }, {});
}

/** Writes without pause; every kind of write that mongodump --oplog bears. */
function keepWriting(client: MongoClient): () => Promise<number> {
  const db = client.db("surg");
  const stopped = new AbortController();
  const working = (async () => {
    let n = 0;
    for (; !stopped.signal.aborted; n++) {
      const id = (n * 37) % 4_000;
      await db.collection("a").updateOne({ _id: id as never }, { $inc: { n: 1 }, $set: { at: n } });
      await db.collection("b").deleteOne({ _id: id as never });
      await db.collection("b").insertOne({ _id: `new ${n}` as never, n });
      const session = client.startSession();
      await session.withTransaction(async () => {
        await db.collection("a").updateOne({ _id: 1 as never }, { $inc: { n: 1 } }, { session });
        await db.collection("b").updateOne({ _id: 1 as never }, { $inc: { n: -1 } }, { session });
      });
      await session.endSession();
      await db.collection(`made_${n % 3}`).insertOne({ n });
      if (n === 20) await db.collection("b").createIndex({ n: 1 }, { name: "late" }, {});
    }
    return n;
  })();
  return async () => {
    stopped.abort();
    return await working;
  };
}

test("a stock dump with its oplog becomes what mongorestore --oplogReplay makes of it", async (t) => {
  const source = await ownServer(t, RS);
  const from = connect(t, source.uri);
  await fill(from);
  const place = await workspace(t);
  const dump = place.at("dump");
  const stop = keepWriting(from);
  await runStockTool("mongodump", [`--uri=${source.uri}`, "--oplog", "--gzip", `--out=${dump}`]);
  assert.ok((await stop()) > 0);
  // mongorestore takes no exclusion beside --oplogReplay, and must leave the server's own alone.
  for (const name of ["admin", "config"])
    await rm(join(dump, name), { recursive: true, force: true });
  const stock = await ownServer(t, RS);
  await runStockTool("mongorestore", [
    ...[`--uri=${stock.uri}`, "--gzip", "--oplogReplay", "--bypassDocumentValidation"],
    dump,
  ]);
  const expected = connect(t, stock.uri);
  const target = await ownServer(t, RS);
  const own = connect(t, target.uri);
  await place.writeEnv({ MONGODB_URI: target.uri });
  for (const flags of [[], ["--in-place"], []]) {
    const only = ["--only", "surg.*"];
    const run = await place.run(["restore", dump, ...only, "--confirm", "--json", ...flags]);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.deepEqual(await dbHash(own, "surg"), await dbHash(expected, "surg"), flags.join(" "));
    const catalogs = [own, expected].map((client) => describeCatalog(client.db("surg")));
    const [ours, theirs] = await Promise.all(catalogs);
    assert.deepEqual(
      ours?.map(({ name, indexes }) => ({ name, indexes })),
      theirs?.map(({ name, indexes }) => ({ name, indexes })),
    );
    await place.run(["restore", "--drop-aside", "--confirm"]);
    assert.deepEqual(await keptBeside(own, "surg"), []);
  }
  const { path: MONGOD_BINARY } = await mongod();
  await place.writeEnv({ MONGODB_URI: target.uri, MONGOD_BINARY });
  const drilled = await place.run(["drill", dump, "--json"]);
  assert.equal(drilled.code, 0, drilled.stdout + drilled.stderr);
  const found = new Map(drilled.json().collections.map((one: Json) => [one.namespace, one]));
  const written = { content: "replayed", equal: true } as const;
  const { content, equal, documents } = found.get("surg.b") as Json;
  assert.deepEqual({ content, equal }, written);
  assert.equal(documents.restored, await own.db("surg").collection("b").countDocuments());
});
