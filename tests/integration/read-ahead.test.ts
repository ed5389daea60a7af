// Small collections that are read before their turn, many finds on one connection: each is what an ordinary read
// gives at the same instant, or it is read again.
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { DumpConnections } from "../../src/dump/connections.ts";
import { ReadAhead } from "../../src/dump/read-ahead.ts";
import type { ReadOptions } from "../../src/mongo/bulk-read.ts";
import { newestInstant } from "../../src/mongo/instant.ts";
import { deploymentFor } from "../support/deployment.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

const COLLECTIONS = 150;
const names = Array.from({ length: COLLECTIONS }, (_, n) => `c${n}`);

const SMALL = { documents: 3, bytes: 100 };

async function fill({ db }: FreshDatabase): Promise<void> {
  const documents = (n: number) => Array.from({ length: n % 4 }, (_, i) => ({ _id: i, n }));
  await Promise.all(
    names.map(async (name, n) => {
      await db.createCollection(name);
      if (n % 4 > 0) await db.collection<{ _id: number }>(name).insertMany(documents(n));
    }),
  );
}

const options = (fresh: FreshDatabase, collection: string, more: Partial<ReadOptions>) => ({
  database: fresh.name,
  collection,
  batchDocuments: 100,
  pieceBytes: 1 << 20,
  at: null,
  secondaryOk: true,
  ...more,
});

async function open(t: TestContext, uri: string) {
  const { deployment } = await deploymentFor(t, uri);
  const emit = () => undefined;
  const connections = await DumpConnections.open(deployment, { readPreference: "primary", emit });
  t.after(() => {
    connections[Symbol.dispose]();
  });
  const context = { connections, emit, signal: new AbortController().signal };
  return { deployment, context };
}

requires(
  { topology: "replicaSet", server: ">=5", alone: true },
  "what is read ahead is whole and of the instant, and what is not whole leaves no cursor behind",
  async (t, fresh) => {
    await fill(fresh);
    const { deployment, context } = await open(t, fresh.serverUri);
    const at = await newestInstant(deployment.client, deployment.server);
    assert.ok(at);
    await fresh.db.collection<{ _id: number }>("c1").insertOne({ _id: 99 });
    await fresh.db.collection("c2").deleteMany({});
    // Three documents a batch are too few for one in four, as if they had grown since they were measured.
    const reads = names.map((name) => options(fresh, name, { at, batchDocuments: 3 }));
    const openCursors = async () => {
      const status = await fresh.client.db("admin").command({ serverStatus: 1 });
      return Number((status.metrics as { cursor: { open: { total: unknown } } }).cursor.open.total);
    };
    const before = await openCursors();
    await using ahead = new ReadAhead(context, reads.map((one) => ({ options: one, expected: SMALL }))); // prettier-ignore
    const later = { t: at.t + 1, i: 1 };
    const other = await ahead.take(options(fresh, "c5", { at: later, batchDocuments: 3 }));
    assert.equal(other, null, "nothing of another instant");
    for (const [n, one] of reads.entries()) {
      const batch = await ahead.take(one);
      if (n % 4 === 3) assert.equal(batch, null, `${one.collection} is to be read again`);
      else assert.equal(batch?.documents, n % 4, one.collection);
      assert.equal(await ahead.take(one), null, "once only: another read begins anew");
    }
    assert.equal(await openCursors(), before);
  },
);

requires(
  { topology: "replicaSet", server: ">=5" },
  "of collections that are much larger than the server says, little is held, and the rest is read in its turn",
  async (t, fresh) => {
    const large = names.slice(0, 60);
    const many = Array.from({ length: 200 }, (_, n) => ({ _id: n, text: "t".repeat(100) }));
    const long = { _id: 0, text: "t".repeat(500_000) };
    await Promise.all(
      large.map((name, n) => fresh.db.collection<{ _id: number }>(name).insertMany(n % 6 === 0 ? many : [long])), // prettier-ignore
    );
    const { context } = await open(t, fresh.serverUri);
    const reads = large.map((name) => options(fresh, name, { batchDocuments: 1_000 }));
    // As after an end without a shutdown, before the first checkpoint.
    const expected = { documents: 0, bytes: 0 };
    await using ahead = new ReadAhead(context, reads.map((one) => ({ options: one, expected }))); // prettier-ignore
    const found = await Promise.all(reads.map((one) => ahead.take(one)));
    const held = found.reduce((sum, batch) => sum + (batch?.bytes.length ?? 0), 0);
    assert.ok(held > 0 && held <= 4 * 1024 * 1024, `${held} bytes are held`);
    for (const [n, batch] of found.entries())
      if (batch) assert.deepEqual([n % 6 === 0, batch.documents], [false, 1], "whole, or not at all"); // prettier-ignore
    assert.equal(found[1]?.documents, 1);
    assert.equal(found[6], null, "many documents are not fetched");
  },
);

requires(
  { topology: "replicaSet", server: ">=5" },
  "a read ahead that is given up leaves nothing on its way",
  async (t, fresh) => {
    await fill(fresh);
    const { context } = await open(t, fresh.serverUri);
    const reads = names.map((name) => ({ options: options(fresh, name, {}), expected: SMALL }));
    const ahead = new ReadAhead(context, reads);
    const [first] = reads;
    assert.ok(first);
    const taking = ahead.take(first.options);
    await ahead[Symbol.asyncDispose]();
    const batch = await taking;
    assert.ok(batch === null || batch.documents === 0);
    assert.equal(await ahead.take(options(fresh, "c140", {})), null);
  },
);

requires(
  { topology: "replicaSet", server: ">=5" },
  "after a cut all that was not whole is to be read in its turn, and nothing is read ahead any more",
  async (t, fresh) => {
    await fill(fresh);
    const { hostname, port } = new URL(fresh.uri);
    const proxy = await startTcpProxy(t, { to: { host: hostname, port: Number(port) } });
    const { context } = await open(t, proxy.through(fresh.serverUri));
    const reads = names.map((name) => options(fresh, name, {}));
    await using ahead = new ReadAhead(context, reads.map((one) => ({ options: one, expected: SMALL }))); // prettier-ignore
    const [first, ...others] = reads;
    assert.ok(first);
    assert.equal((await ahead.take(first))?.documents, 0);
    // The next ones are on their way already.
    proxy.cutAll();
    const found = await Promise.all(others.map((one) => ahead.take(one)));
    assert.ok(found.includes(null));
    for (const [n, batch] of found.entries())
      if (batch) assert.equal(batch.documents, (n + 1) % 4, "whole, or not at all");
    const passed = proxy.passed();
    assert.equal(await ahead.take(options(fresh, "c149", {})), null);
    assert.equal(proxy.passed(), passed);
  },
);
