import assert from "node:assert/strict";
import { test } from "node:test";
import * as BSON from "bson";
import { KeepError } from "../errors.ts";
import { createSelect } from "./tailer-select.ts";
import type { TakenNamespaces } from "./followed-names.ts";

/** The instant; entries above it are new. */
const NOW = { t: 100, i: 0 };
const taken: TakenNamespaces = {
  database: (name) => name === "surg",
  collection: (database, name) => database === "surg" && name !== "secret",
};

const time = (t: number) => new BSON.Timestamp({ t, i: 0 });
const entry = (t: number, fields: BSON.Document) =>
  Buffer.from(BSON.serialize({ ts: time(t), v: 2, ...fields }));
const insert = (ns: string, _id: number) => ({ op: "i", ns, o: { _id } });
const command = (ns: string, o: BSON.Document) => ({ op: "c", ns, o });

interface PartOf {
  readonly txn?: number;
  readonly previous?: number;
  readonly rest?: BSON.Document;
}

/** An entry of a transaction. */
function part(t: number, operations: BSON.Document[], { txn = 1, previous, rest = {} }: PartOf) {
  return entry(t, {
    lsid: { id: new BSON.Binary(Buffer.alloc(16), 4) },
    txnNumber: new BSON.Long(txn),
    prevOpTime: { ts: time(previous ?? 0), t: new BSON.Long(-1) },
    ...command("admin.$cmd", { applyOps: operations, ...rest }),
  });
}

const ending = (t: number, name: string) =>
  entry(t, {
    lsid: { id: new BSON.Binary(Buffer.alloc(16), 4) },
    txnNumber: new BSON.Long(1),
    ...command("admin.$cmd", { [name]: 1 }),
  });

/** What is kept of the entries, as documents. */
function keep(entries: readonly Buffer[]): BSON.Document[] {
  const select = createSelect(taken, NOW);
  return entries.map(select).flatMap((kept) => (kept ? [BSON.deserialize(kept)] : []));
}

const operationsOf = (kept: BSON.Document | undefined) =>
  (kept as { o: { applyOps: { ns: string; o: unknown }[] } }).o.applyOps;

test("only writes to what is backed up are kept, byte for byte", () => {
  const wanted = entry(101, insert("surg.patients", 1));
  const select = createSelect(taken, NOW);
  assert.equal(select(wanted), wanted);
  for (const ns of ["surg.secret", "shop.orders", "config.transactions", "surgery.patients"])
    assert.equal(select(entry(102, insert(ns, 1))), null, ns);
  assert.equal(select(entry(103, { op: "n", ns: "", o: { msg: "periodic noop" } })), null);
});

test("what the data already shows is not kept", () => {
  assert.deepEqual(keep([entry(100, insert("surg.patients", 1))]), []);
});

test("commands are kept by the collection they name, and renames by either name", () => {
  const commands = [
    ["surg.$cmd", { create: "patients" }, true],
    ["surg.$cmd", { create: "secret" }, false],
    ["surg.$cmd", { dropDatabase: 1 }, true],
    ["shop.$cmd", { dropDatabase: 1 }, false],
    ["surg.$cmd", { renameCollection: "surg.secret", to: "surg.open" }, true],
    ["surg.$cmd", { renameCollection: "surg.secret", to: "surg.secret" }, false],
  ] as const;
  for (const [ns, o, kept] of commands)
    assert.equal(keep([entry(101, command(ns, o))]).length, kept ? 1 : 0, JSON.stringify(o));
});

test("the end of all views of a database is kept", () => {
  assert.equal(keep([entry(101, command("surg.$cmd", { drop: "system.views" }))]).length, 1);
  assert.equal(keep([entry(101, command("surg.$cmd", { create: "system.views" }))]).length, 0);
});

test("a temporary collection is followed from its creation, and one from before the instant is not", () => {
  const select = createSelect({ ...taken, temporary: new Set(["surg.mine"]) }, NOW);
  const isKept = (fields: BSON.Document) => select(entry(101, fields)) !== null;
  const surg = (o: BSON.Document) => command("surg.$cmd", o);
  assert.equal(isKept(insert("surg.mine", 1)), false, "left out, so its writes are");
  assert.equal(isKept(surg({ drop: "mine" })), false);
  assert.equal(isKept(surg({ create: "mine" })), true, "a new one of that name is not temporary");
  assert.equal(isKept(insert("surg.mine", 1)), true);

  assert.equal(isKept(surg({ create: "secret", temp: true })), true);
  assert.equal(isKept(insert("surg.secret", 1)), true, "a rename could make it part of the backup");
  assert.equal(isKept(surg({ renameCollection: "surg.secret", to: "surg.secret" })), true);
  assert.equal(isKept(insert("surg.secret", 1)), false, "renamed, it is no longer temporary");
});

test("a view is kept by its own name, not by that of the collection of all views", () => {
  const view = (name: string) => ({ op: "i", ns: "surg.system.views", o: { _id: name } });
  assert.equal(keep([entry(101, view("surg.open"))]).length, 1);
  assert.equal(keep([entry(101, view("surg.secret"))]).length, 0);
});

test("the buckets of a time series go by its name", () => {
  assert.equal(keep([entry(101, insert("surg.system.buckets.pulse", 1))]).length, 1);
  assert.equal(keep([entry(101, insert("surg.system.buckets.secret", 1))]).length, 0);
});

test("a transaction over two databases keeps what is backed up, and nothing else of it", () => {
  const both = [insert("surg.patients", 1), insert("shop.orders", 2), insert("surg.rooms", 3)];
  const [kept] = keep([part(101, both, {})]);
  assert.deepEqual(
    operationsOf(kept).map(({ ns }) => ns),
    ["surg.patients", "surg.rooms"],
  );
  assert.deepEqual(keep([part(101, [insert("shop.orders", 2)], {})]), []);
});

test("a long transaction that was open at the instant is kept from its first entry", () => {
  const kept = keep([
    part(90, [insert("surg.patients", 1)], { rest: { partialTxn: true } }),
    part(110, [insert("surg.patients", 2)], { previous: 90, rest: { count: new BSON.Long(2) } }),
  ]);
  assert.deepEqual(
    kept.map((one) => operationsOf(one).map(({ o }) => o)),
    [[{ _id: 1 }], [{ _id: 2 }]],
  );
});

test("a long transaction still counts right when operations of other databases were taken out", () => {
  const kept = keep([
    part(101, [insert("shop.orders", 1), insert("surg.patients", 1)], {
      rest: { partialTxn: true },
    }),
    part(102, [insert("shop.orders", 2)], { previous: 101, rest: { partialTxn: true } }),
    part(103, [insert("surg.patients", 3)], { previous: 102, rest: { count: new BSON.Long(4) } }),
  ]);
  assert.deepEqual(
    kept.map((one) => operationsOf(one).length),
    [1, 0, 1],
  );
  assert.equal((kept[2] as { o: { count: number } }).o.count, 2);
});

test("the end of a long transaction that the data shows is not applied a second time", () => {
  const kept = keep([
    part(90, [insert("surg.patients", 1)], { rest: { partialTxn: true } }),
    part(99, [insert("surg.patients", 2)], { previous: 90, rest: { count: new BSON.Long(2) } }),
  ]);
  assert.equal(kept.length, 1);
});

test("of a transaction whose beginning is older than the log no part is kept", () => {
  const late = { previous: 80, rest: { partialTxn: true } };
  assert.deepEqual(keep([part(90, [insert("surg.patients", 1)], late)]), []);
});

test("a transaction that is committed after the instant without its beginning is a failure", () => {
  const late = { previous: 80, rest: { count: new BSON.Long(9) } };
  assert.throws(() => keep([part(101, [insert("surg.patients", 1)], late)]), KeepError);
  assert.throws(() => keep([ending(101, "commitTransaction")]), KeepError);
});

test("a prepared transaction is kept with its commit or its abort", () => {
  const prepared = part(90, [insert("surg.patients", 1)], { rest: { prepare: true } });
  assert.equal(keep([prepared, ending(101, "commitTransaction")]).length, 2);
  assert.equal(keep([prepared, ending(101, "abortTransaction")]).length, 2);
  assert.equal(keep([prepared, ending(99, "commitTransaction")]).length, 1);
  assert.equal(keep([ending(101, "abortTransaction")]).length, 0);
});

test("a kind of entry that nobody knows is kept, so that it is seen", () => {
  assert.equal(keep([entry(101, { op: "zz", ns: "surg.patients", o: {} })]).length, 1);
  assert.equal(keep([entry(101, command("surg.$cmd", { reshard: "patients" }))]).length, 1);
});
