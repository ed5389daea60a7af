// The tests' own tools must be able to tell right from wrong before they judge anything else.
import assert from "node:assert/strict";
import { test } from "node:test";
import { requires } from "../support/requires.ts";
import { dbHash, describeCatalog, fillInteresting } from "../support/fidelity.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import { createRandom } from "../support/random.ts";
import { insertRaw, rawOddities } from "../support/raw-insert.ts";
import { runStockTool } from "../support/stock-tools.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { formatEnv } from "../support/workspace.ts";
import { parseEnv } from "node:util";

requires(
  { topology: "replicaSet", server: ">=6.0" },
  "the same seed gives the same data, and dbHash sees one changed bit",
  async (t, one) => {
    const two = await freshDatabase(t, one.serverUri);
    const same = ["patients", "audit", "by_key"];
    for (const { db } of [one, two]) await fillInteresting(db);
    assert.deepEqual(await describeCatalog(one.db), await describeCatalog(two.db));
    const before = await dbHash(one.client, one.name, ["patients", "by_key"]);
    assert.deepEqual(before, await dbHash(two.client, two.name, ["patients", "by_key"]));
    assert.ok(same.every((name) => name in before || name === "audit"));
    await two.db
      .collection("patients")
      .updateOne({ mrn: "MRN-000007" }, { $bit: { ward: { xor: 1 } } });
    const after = await dbHash(two.client, two.name, ["patients", "by_key"]);
    assert.notEqual(after.patients, before.patients);
    assert.equal(after.by_key, before.by_key);
  },
);

requires(
  { topology: "replicaSet" },
  "documents that no driver writes reach the server byte for byte",
  async (_t, fresh) => {
    const documents = rawOddities();
    await insertRaw(fresh.serverUri, fresh.name, "raw", documents);
    const stored = await fresh.db
      .collection("raw")
      .find({}, { raw: true })
      .sort({ _id: 1 })
      .toArray();
    assert.deepEqual(
      stored.map((one) => Buffer.from(one as unknown as Uint8Array).toString("hex")),
      documents.map((one) => one.toString("hex")),
    );
  },
);

requires(
  { topology: "replicaSet" },
  "stock mongodump and mongorestore carry a database from here to there",
  async (t, from) => {
    const to = await freshDatabase(t, from.serverUri);
    const folder = await temporaryFolder(t);
    await from.db.collection("patients").insertMany([{ n: 1 }, { n: 2 }]);
    await runStockTool("mongodump", [`--uri=${from.uri}`, "--gzip", `--out=${folder}`]);
    const rename = [`--nsFrom=${from.name}.*`, `--nsTo=${to.name}.*`];
    await runStockTool("mongorestore", [`--uri=${to.serverUri}`, "--gzip", ...rename, folder]);
    assert.deepEqual(await dbHash(to.client, to.name), await dbHash(from.client, from.name));
  },
);

test("the generator follows its seed, keeps its bounds and does not lean", () => {
  const [one, same, other] = [createRandom(7), createRandom(7), createRandom(8)];
  const draw = (random: ReturnType<typeof createRandom>) => random.bytes(4_096);
  const bytes = draw(one);
  assert.deepEqual(bytes, draw(same));
  assert.notDeepEqual(bytes, draw(other));
  const counts = new Map<number, number>();
  for (let n = 0; n < 100_000; n++) {
    const drawn = one.below(10);
    counts.set(drawn, (counts.get(drawn) ?? 0) + 1);
  }
  assert.deepEqual([...counts.keys()].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  for (const count of counts.values()) assert.ok(Math.abs(count - 10_000) < 500);
  const ones = bytes.reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);
  assert.ok(Math.abs(ones / (bytes.length * 8) - 0.5) < 0.02);
});

test("a .env written for a test says to Node what the test meant", () => {
  const values = {
    PLAIN: "a b",
    HASH: "p#ss",
    QUOTE: "it's",
    BOTH: `"'`,
    DOLLAR: "${HOME}",
    SPACE: " x ",
  };
  assert.deepEqual({ ...parseEnv(formatEnv({ ...values, ABSENT: undefined })) }, values);
});
