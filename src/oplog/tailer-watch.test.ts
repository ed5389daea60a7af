import assert from "node:assert/strict";
import { test } from "node:test";
import * as BSON from "bson";
import { createWatch } from "./tailer-watch.ts";

/** One for each name: the collection that had it first. */
const uuidOf = (name: string) => Buffer.from(name.padEnd(16, "_")).toString("hex");
const binary = (name: string) => new BSON.Binary(Buffer.from(uuidOf(name), "hex"), 4);

const time = (t: number) => ({ t, i: 0 });
function entry(t: number, op: string, ns: string, o: BSON.Document, ui: string | null) {
  const more = ui === null ? {} : { ui: binary(ui) };
  return Buffer.from(BSON.serialize({ ts: new BSON.Timestamp(time(t)), op, ns, o, v: 2, ...more }));
}
const insert = (t: number, name: string, ui: string | null = name) =>
  entry(t, "i", `surg.${name}`, { _id: 1 }, ui);
const command = (t: number, o: BSON.Document, ui: string | null) =>
  entry(t, "c", "surg.$cmd", o, ui);
const create = (t: number, name: string, ui: string) => command(t, { create: name }, ui);
const drop = (t: number, name: string, ui = name) => command(t, { drop: name }, ui);
function rename(t: number, [from, to]: readonly [string, string], ui = from, replaces?: string) {
  const o = { renameCollection: `surg.${from}`, to: `surg.${to}` };
  return command(t, replaces === undefined ? o : { ...o, dropTarget: binary(replaces) }, ui);
}

const TMP = "tmp.agg_out.1";

/** What is seen in the entries, when `surg.patients` was read from 100 to 150 and `surg.rooms` never. */
function watch(...entries: readonly Buffer[]) {
  const listed = ["patients", "rooms"].map((n) => ({ namespace: `surg.${n}`, uuid: uuidOf(n) }));
  const watching = createWatch(
    listed,
    (name) => name.startsWith("surg.") && name !== "surg.secret",
  );
  watching.settle(uuidOf("patients"), { since: time(100), until: time(150) });
  for (const one of entries) watching.see(one);
  const names = watching.unread().map(({ namespace }) => namespace.slice("surg.".length));
  return { problem: watching.problem, unread: names.join(" "), watching };
}

test("what was not read, and still exists, is unread", () => {
  assert.equal(watch().unread, "rooms");
  assert.equal(watch(drop(101, "rooms")).unread, "");
  assert.equal(watch(insert(101, "patients"), insert(102, "rooms")).unread, "rooms");
});

test("a collection that was renamed is unread under the name that it had, until it is dropped", () => {
  const away = rename(120, ["rooms", "halls"]);
  assert.equal(watch(away).unread, "rooms");
  assert.equal(watch(away, drop(130, "halls", "rooms")).unread, "");
  assert.equal(watch(away, rename(130, ["halls", "secret"], "rooms")).unread, "");
  assert.equal(watch(away, create(130, "rooms", "second")).unread, "rooms");
});

test("a rename while it was read makes a collection unread, one after that does not", () => {
  const there = rename(120, ["patients", "people"]);
  const back = rename(121, ["people", "patients"], "patients");
  assert.equal(watch(there, back).unread, "patients rooms");
  assert.equal(watch(rename(151, ["patients", "people"])).unread, "rooms");
});

test("whatever a collection of the log's own becomes, the log has it", () => {
  const made = [create(101, TMP, "first"), insert(102, TMP, "first")];
  const out = rename(103, [TMP, "rooms"], "first", "rooms");
  assert.equal(watch(...made, out).unread, "");
  assert.equal(watch(...made).unread, "rooms");
});

test("a passing collection older than the log is unread once it has its name, and not if that went", () => {
  const out = rename(103, [TMP, "rooms"], TMP, "rooms");
  assert.equal(watch(insert(101, TMP), out).unread, TMP);
  assert.equal(watch(out).unread, TMP);
  const again = [create(104, "tmp.agg_out.2", "second")];
  again.push(rename(105, ["tmp.agg_out.2", "rooms"], "second", TMP));
  const { unread, watching } = watch(out, ...again);
  assert.equal(unread, "");
  assert.deepEqual(watching.gone(), [{ namespace: `surg.${TMP}`, uuid: uuidOf(TMP) }]);
});

test("a collection that a restore puts in place never counts as the user's", () => {
  const own = "__mongokeep_2026-01-01_00-00-00_2";
  assert.match(watch(rename(101, [own, "rooms"], "own", "rooms")).problem?.what ?? "", /a restore/);
});

test("a collection that was left out is unread once it has a name of the backup", () => {
  assert.equal(watch(insert(101, "secret")).unread, "rooms");
  assert.equal(watch(rename(101, ["secret", "open"])).unread, "rooms secret");
  assert.equal(watch(insert(101, "unheard")).unread, "rooms unheard");
});

test("a listing newer than the instant is told the names of the instant", () => {
  const { watching } = watch(
    rename(101, ["halls", "rooms"], "rooms"),
    create(102, "patients", "patients"),
  );
  const nameOf = (n: string) => watching.nameAtInstant({ namespace: `surg.${n}`, uuid: uuidOf(n) });
  assert.equal(nameOf("rooms"), "surg.halls");
  assert.equal(nameOf("patients"), null);
  assert.equal(nameOf("others"), "surg.others");
});

test("only what was listed counts as moved", () => {
  assert.equal(watch(insert(101, TMP), drop(102, TMP)).watching.moved, false);
  assert.equal(watch(create(101, "new", "new"), drop(102, "new")).watching.moved, false);
  assert.equal(watch(drop(102, "rooms")).watching.moved, true);
  assert.equal(watch(rename(102, ["rooms", "halls"])).watching.moved, true);
  assert.equal(watch(rename(102, [TMP, "rooms"], TMP, "rooms")).watching.moved, true);
});

test("operations without a UUID are taken for names that are known", () => {
  const inside = (ns: string) => [{ op: "i", ns, o: { _id: 1 } }];
  const applied = (ns: string) => entry(101, "c", "admin.$cmd", { applyOps: inside(ns) }, null);
  assert.equal(watch(applied("surg.patients")).problem, null);
  assert.equal(watch(create(100, "new", "new"), applied("surg.new")).problem, null);
  assert.match(watch(applied("surg.unheard")).problem?.what ?? "", /without the UUID/);
  assert.ok(watch(command(101, { drop: "patients" }, null)).problem);
});

test("an unknown entry is found also within a transaction", () => {
  const inside = [{ op: "zz", ns: "surg.patients", o: {} }];
  assert.ok(watch(command(101, { reshardEverything: "patients" }, "patients")).problem);
  assert.ok(watch(entry(101, "c", "admin.$cmd", { applyOps: inside }, null)).problem);
});

test("a change of the feature compatibility version cannot be replayed", () => {
  const version = BSON.serialize({
    ts: new BSON.Timestamp(time(101)),
    ...{ op: "u", ns: "admin.system.version", o2: { _id: "featureCompatibilityVersion" } },
    o: { $v: 2, diff: {} },
  });
  assert.match(watch(Buffer.from(version)).problem?.what ?? "", /feature compatibility/);
});
