// What is known of a log before it is replayed.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as BSON from "bson";
import { scanOplog } from "./scan.ts";
import type { OplogScan } from "./scan.ts";

const entry = (i: number, fields: BSON.Document) =>
  Buffer.from(BSON.serialize({ ts: new BSON.Timestamp({ t: 9, i }), ...fields }));
const command = (i: number, o: BSON.Document) => entry(i, { op: "c", ns: "shop.$cmd", o });

async function scan(
  entries: readonly Buffer[],
  leftOut: readonly string[] = [],
): Promise<OplogScan> {
  async function* all() {
    for (const one of entries) yield await Promise.resolve(one);
  }
  const signal = new AbortController().signal;
  const isRestored = (_: string, collection: string) => !leftOut.includes(collection);
  return await scanOplog(all(), { to: { t: 9, i: 50 }, isRestored, signal });
}

test("the names that a log gives are told, also those within transactions, up to the instant asked for", async () => {
  const found = await scan(
    [
      command(1, { create: "a" }),
      entry(2, { op: "i", ns: "shop.b", o: { _id: 1 } }),
      command(3, { applyOps: [{ op: "c", ns: "shop.$cmd", o: { create: "c" } }] }),
      command(4, { renameCollection: "shop.a", to: "shop.d" }),
      command(5, { create: "left out" }),
      entry(6, { op: "i", ns: "shop.system.views", o: { _id: "shop.v", viewOn: "a" } }),
      command(7, { create: "system.buckets.weather", timeseries: { timeField: "t" } }),
      command(51, { create: "too late" }),
    ],
    ["left out"],
  );
  assert.deepEqual(
    found.made.map(({ collection }) => collection),
    ["a", "c", "d", "weather"],
  );
  assert.deepEqual(found.views, [{ database: "shop", name: "v" }]);
  assert.deepEqual([found.entries, found.first, found.last], [7, { t: 9, i: 1 }, { t: 9, i: 7 }]);
});

test("an entry that is not known ends it before anything is restored, wherever it hides", async () => {
  const hidden = command(8, { applyOps: [{ op: "c", ns: "shop.$cmd", o: { strange: 1 } }] });
  await assert.rejects(scan([hidden]), {
    code: "not-in-this-version",
    message: /"strange".*|Timestamp\(9, 8\).*"strange"/,
  });
});

test("a collection without the one that it was renamed from is refused by name", async () => {
  const renamed = command(1, { renameCollection: "shop.a", to: "shop.b" });
  await assert.rejects(scan([renamed], ["a"]), { code: "usage", message: /shop\.a .*shop\.b/ });
  assert.deepEqual((await scan([renamed], ["b"])).made, []);
  assert.deepEqual((await scan([renamed], ["a", "b"])).made, []);
});
