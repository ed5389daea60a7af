// Views followed through a log.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as BSON from "bson";
import type { ViewOperation } from "./operation.ts";
import { ViewChanges } from "./view-changes.ts";

const raw = (document: BSON.Document) => Buffer.from(BSON.serialize(document));
const view = (name: string, options: BSON.Document) => ({
  database: "shop",
  name,
  options: raw(options),
});

function change(kind: ViewOperation["change"], name: string, o: BSON.Document): ViewOperation {
  return { kind: "view", change: kind, database: "shop", view: name, o: raw(o) };
}

const shown = (changes: ViewChanges, known: Parameters<ViewChanges["applyTo"]>[0]) =>
  changes.applyTo(known).map(({ name, options }) => [name, BSON.deserialize(options)]);

test("views are what the log last made of them, and those that it does not name stay", () => {
  const known = [
    view("kept", { viewOn: "a" }),
    view("gone", { viewOn: "a" }),
    view("changed", { viewOn: "a" }),
  ];
  const changes = new ViewChanges();
  changes.take(change("delete", "gone", { _id: "shop.gone" }), null);
  changes.take(
    change("update", "changed", { _id: "shop.changed", viewOn: "b", pipeline: [] }),
    null,
  );
  changes.take(change("insert", "new", { _id: "shop.new", viewOn: "c", pipeline: [] }), null);
  changes.take(change("insert", "brief", { _id: "shop.brief", viewOn: "c", pipeline: [] }), null);
  changes.replace({ database: "shop", name: "brief" });
  assert.deepEqual(shown(changes, known), [
    ["kept", { viewOn: "a" }],
    ["changed", { viewOn: "b", pipeline: [] }],
    ["new", { viewOn: "c", pipeline: [] }],
  ]);
  changes.dropAllOf("shop");
  assert.deepEqual(shown(changes, known), []);
});

test("an update with only the differences is applied to the previous definition", () => {
  const changes = new ViewChanges();
  const o = { $v: 2, diff: { d: { collation: false }, u: { viewOn: "b" }, i: { more: 1 } } };
  const before = raw({ viewOn: "a", pipeline: [1], collation: { locale: "de" } });
  assert.equal(changes.take(change("update", "v", o), before), true);
  assert.deepEqual(shown(changes, []), [["v", { viewOn: "b", pipeline: [1], more: 1 }]]);
  const deep = { $v: 2, diff: { spipeline: { a: true, u0: 2 } } };
  assert.equal(changes.take(change("update", "v", deep), before), false, "not followed");
  assert.equal(changes.take(change("update", "w", o), null), false, "nothing to put it onto");
});

test("the view over the buckets of a time series is none", () => {
  const changes = new ViewChanges();
  const o = { _id: "shop.weather", viewOn: "system.buckets.weather", pipeline: [] };
  assert.equal(changes.take(change("insert", "weather", o), null), true);
  assert.deepEqual(changes.defined, []);
});
