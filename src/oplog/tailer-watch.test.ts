import assert from "node:assert/strict";
import { test } from "node:test";
import * as BSON from "bson";
import { createWatch } from "./tailer-watch.ts";

const time = (t: number) => ({ t, i: 0 });
const entry = (t: number, op: string, ns: string, o: BSON.Document) =>
  Buffer.from(BSON.serialize({ ts: new BSON.Timestamp(time(t)), op, ns, o, v: 2 }));
const command = (t: number, o: BSON.Document) => entry(t, "c", "surg.$cmd", o);
const rename = (t: number, from: string, to: string) =>
  command(t, { renameCollection: `surg.${from}`, to: `surg.${to}` });

/** What is found in the entries, when `surg.patients` was read at 150. */
function watch(...entries: readonly Buffer[]) {
  const watching = createWatch(["surg.patients", "surg.rooms"], (name) => name.startsWith("surg."));
  watching.settle("surg.patients", time(150));
  for (const one of entries) watching.see(one);
  return watching.problem;
}

test("writes, drops and collections that come and go can be replayed", () => {
  const seen = watch(
    entry(101, "i", "surg.patients", { _id: 1 }),
    command(102, { drop: "patients" }),
    command(103, { create: "patients" }),
    entry(104, "d", "surg.patients", { _id: 1 }),
    command(105, { create: "passing" }),
    rename(106, "passing", "patients"),
    command(107, { dropDatabase: 1 }),
  );
  assert.equal(seen, null);
});

test("a collection may be renamed once it was read", () => {
  assert.equal(watch(rename(151, "patients", "people")), null);
});

test("a collection that was renamed before it was read is missing", () => {
  assert.match(watch(rename(120, "patients", "people"))?.what ?? "", /not read yet/);
  assert.match(watch(rename(151, "rooms", "halls"))?.what ?? "", /not read yet/);
});

test("a collection that was dropped and made again may be renamed at any time", () => {
  const again = [command(101, { drop: "rooms" }), command(102, { create: "rooms" })];
  assert.equal(watch(...again, rename(103, "rooms", "halls")), null);
});

test("a collection from outside of the backup cannot be replayed", () => {
  const problem = watch(rename(101, "secret", "open"));
  assert.match(problem?.what ?? "", /not in the backup/);
  assert.equal(problem?.namespace, "surg.secret");
  assert.match(watch(entry(101, "i", "surg.unheard", { _id: 1 }))?.what ?? "", /not in the backup/);
});

test("nothing may be written to a database after it was dropped, until it is made again", () => {
  const gone = command(101, { dropDatabase: 1 });
  assert.ok(watch(gone, entry(102, "i", "surg.rooms", { _id: 1 })));
  assert.equal(
    watch(gone, command(102, { create: "rooms" }), entry(103, "i", "surg.rooms", { _id: 1 })),
    null,
  );
});

test("an unknown entry is found also within a transaction", () => {
  const inside = [{ op: "zz", ns: "surg.patients", o: {} }];
  assert.ok(watch(command(101, { reshardEverything: "patients" })));
  assert.ok(watch(entry(101, "c", "admin.$cmd", { applyOps: inside })));
});

test("a change of the feature compatibility version cannot be replayed", () => {
  const version = Buffer.from(
    BSON.serialize({
      ts: new BSON.Timestamp(time(101)),
      ...{ op: "u", ns: "admin.system.version", o2: { _id: "featureCompatibilityVersion" } },
      o: { $v: 2, diff: {} },
    }),
  );
  assert.match(watch(version)?.what ?? "", /feature compatibility/);
});
