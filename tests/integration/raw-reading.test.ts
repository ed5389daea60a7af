// The bulk data plane against real servers: what is read is byte for byte what was written.
// Fails loudly when an upgrade of the driver moves what socket-takeover.ts reaches for.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BSON } from "mongodb";
import { rawDocument, rawElement } from "../../src/bson/build.ts";
import { KeepError } from "../../src/errors.ts";
import { insertRaw } from "../../src/mongo/bulk-insert.ts";
import { readRaw } from "../../src/mongo/bulk-read.ts";
import type { RawBatch, ReadOptions } from "../../src/mongo/bulk-read.ts";
import { readByCursor } from "../../src/mongo/cursor-read.ts";
import type { Deployment, RawConnection } from "../../src/mongo/deployment.ts";
import { newestInstant } from "../../src/mongo/instant.ts";
import { deploymentFor } from "../support/deployment.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { standaloneWithAuth, tlsReplicaSet } from "../support/servers.ts";

const options = (database: string, more: Partial<ReadOptions> = {}): ReadOptions => ({
  database,
  collection: "patients",
  batchDocuments: 100,
  pieceBytes: 1 << 20,
  at: null,
  secondaryOk: false,
  ...more,
});

async function collect(batches: AsyncIterable<RawBatch>) {
  const parts: Buffer[] = [];
  let documents = 0;
  for await (const batch of batches) {
    parts.push(Buffer.from(batch.bytes));
    documents += batch.documents;
    batch.release();
  }
  return { bytes: Buffer.concat(parts), documents };
}

async function rawOf(deployment: Deployment): Promise<RawConnection> {
  const raw = await deployment.openRaw("primary");
  assert.ok(raw, "the socket could not be taken over: look at src/mongo/socket-takeover.ts");
  return raw;
}

const int32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value, 0);
  return bytes;
};

/** Documents that a driver would change: duplicate and empty names, deprecated types, NaN payloads, Timestamp(0,0). */
function awkwardDocuments(): Buffer[] {
  const id = (n: number) => rawElement(0x10, "_id", int32(n));
  return [
    rawDocument(id(1), rawElement(0x10, "a", int32(1)), rawElement(0x10, "a", int32(2))),
    rawDocument(id(2), rawElement(0x10, "", int32(1)), rawElement(0x10, "x.y", int32(2))),
    rawDocument(id(3), rawElement(0x06, "undefined", Buffer.alloc(0))),
    rawDocument(id(4), rawElement(0x0e, "symbol", Buffer.from("\x02\0\0\0s\0"))),
    rawDocument(id(5), rawElement(0x01, "nan", Buffer.from("0123456789abf87f", "hex"))),
    rawDocument(id(6), rawElement(0x11, "ts", Buffer.alloc(8))),
    rawDocument(id(7), rawElement(0x02, "utf8", Buffer.from("03000000fffe00", "hex"))),
    rawDocument(rawElement(0x01, "_id", Buffer.alloc(8)), rawElement(0x12, "z", Buffer.alloc(8))),
  ];
}

for (const topology of ["replicaSet", "standalone"] as const)
  requires({ topology }, "awkward documents come back byte for byte", async (t, fresh) => {
    const { deployment } = await deploymentFor(t, fresh.serverUri);
    using raw = await rawOf(deployment);
    const chunk = Buffer.concat(awkwardDocuments());
    const target = { database: fresh.name, collection: "patients", bypassValidation: true };
    assert.equal(await insertRaw(raw, target, chunk), awkwardDocuments().length);
    assert.deepEqual((await collect(readRaw(raw.wire, options(fresh.name)))).bytes, chunk);
    const byCursor = await collect(readByCursor(deployment, options(fresh.name)));
    assert.deepEqual(byCursor.bytes, chunk, "the public fallback reads the same");
  });

requires(
  { topology: "replicaSet", server: ">=5.0" },
  "all connections see the instant they name, whatever is written later",
  async (t, fresh) => {
    const { deployment } = await deploymentFor(t, fresh.serverUri);
    const patients = fresh.db.collection<{ _id: number; v: number }>("patients");
    await patients.insertMany(Array.from({ length: 5_000 }, (_, i) => ({ _id: i, v: 1 })));
    const at = await newestInstant(deployment.client, deployment.server);
    assert.ok(at);
    await patients.updateMany({}, { $set: { v: 2 } });
    await patients.deleteMany({ _id: { $lt: 2_500 } });
    using raw = await rawOf(deployment);
    const then = await collect(readRaw(raw.wire, options(fresh.name, { at })));
    assert.equal(then.documents, 5_000);
    assert.equal(BSON.deserialize(then.bytes, { allowObjectSmallerThanBufferSize: true }).v, 1);
    const now = await collect(readRaw(raw.wire, options(fresh.name)));
    assert.equal(now.documents, 2_500);
    const cursor = await collect(readByCursor(deployment, options(fresh.name, { at })));
    assert.deepEqual(cursor.bytes, then.bytes);
  },
);

requires(
  { topology: "replicaSet" },
  "documents of 16 MB and chunks beyond a message's limits go both ways",
  async (t, fresh) => {
    const { deployment } = await deploymentFor(t, fresh.serverUri);
    using raw = await rawOf(deployment);
    const big = (n: number) =>
      Buffer.from(BSON.serialize({ _id: n, fill: Buffer.alloc(16 * 1024 * 1024 - 64, n) }));
    const chunk = Buffer.concat([big(1), big(2), big(3), big(4)]);
    const target = { database: fresh.name, collection: "patients", bypassValidation: true };
    assert.equal(await insertRaw(raw, target, chunk), 4);
    const back = await collect(readRaw(raw.wire, options(fresh.name)));
    assert.ok(back.bytes.equals(chunk));
  },
);

requires(
  { topology: "replicaSet" },
  "a refused document is an error that quotes no value",
  async (t, fresh) => {
    const { deployment } = await deploymentFor(t, fresh.serverUri);
    using raw = await rawOf(deployment);
    await fresh.db.collection("patients").createIndexes([{ key: { name: 1 }, unique: true }]);
    const target = { database: fresh.name, collection: "patients", bypassValidation: true };
    const twice = [1, 2].map((_id) => BSON.serialize({ _id, name: "Erika Mustermann" }));
    await assert.rejects(insertRaw(raw, target, Buffer.concat(twice)), (error) => {
      assert.ok(error instanceof KeepError);
      assert.match(error.message, /1 of 2 documents were refused.*index: name_1/);
      assert.doesNotMatch(error.message, /Mustermann/);
      return true;
    });
  },
);

for (const topology of ["replicaSet", "standalone"] as const)
  requires({ topology }, "a socket is taken over in every read preference", async (t, fresh) => {
    const { deployment, events } = await deploymentFor(t, fresh.serverUri);
    for (const mode of ["primary", "primaryPreferred", "secondaryPreferred", "nearest"] as const) {
      using raw = await deployment.openRaw(mode);
      assert.ok(raw, `${mode}: ${JSON.stringify(events)}`);
    }
  });

test("a socket of a server with TLS and a login can be taken over", async (t) => {
  const { server } = await tlsReplicaSet(t);
  const fresh = await freshDatabase(t, server.uri);
  await fresh.db.collection("patients").insertMany([{ a: 1 }, { a: 2 }]);
  const { deployment } = await deploymentFor(t, server.uri);
  using raw = await rawOf(deployment);
  assert.equal((await collect(readRaw(raw.wire, options(fresh.name)))).documents, 2);
});

test("a user without the right to read is told the role that is missing", async (t) => {
  const fresh = await freshDatabase(t, await standaloneWithAuth());
  await fresh.db.collection("patients").insertOne({ a: 1 });
  await fresh.client.db("admin").command({ createUser: fresh.name, pwd: "x", roles: [] });
  const uri = new URL(fresh.serverUri);
  uri.username = fresh.name;
  uri.password = "x";
  const { deployment } = await deploymentFor(t, uri.toString());
  using raw = await rawOf(deployment);
  await assert.rejects(collect(readRaw(raw.wire, options(fresh.name))), (error) => {
    assert.ok(error instanceof KeepError);
    assert.equal(error.code, "rights-missing");
    assert.match(error.message, /patients/);
    assert.match(error.hint, /"backup"/);
    return true;
  });
  await fresh.client.db("admin").command({ dropUser: fresh.name });
});

test("a wrong password is a login that failed, and a closed port is out of reach", async (t) => {
  const uri = new URL(await standaloneWithAuth());
  uri.password = "wrong";
  await assert.rejects(
    deploymentFor(t, uri.toString()),
    (e) => e instanceof KeepError && e.code === "login-failed" && !e.message.includes("wrong"),
  );
  await assert.rejects(
    deploymentFor(t, "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300"),
    (e) => e instanceof KeepError && e.code === "unreachable",
  );
});
