// Options and indexes that Extended JSON or the driver cannot carry are kept all the same, byte for byte.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { runExactly } from "../../src/mongo/exact-command.ts";
import { rawDocument, rawElement } from "../../src/bson/build.ts";
import { toOrdered } from "../../src/bson/ordered.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { runStockTool } from "../support/stock-tools.ts";
import { rawCatalog, thereAndBack } from "../support/there-and-back.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const text = (bytes: Buffer) => {
  const length = Buffer.alloc(4);
  length.writeInt32LE(bytes.length + 1, 0);
  return Buffer.concat([length, bytes, Buffer.alloc(1)]);
};
const document = (name: string, ...fields: readonly Buffer[]) =>
  rawElement(0x03, name, rawDocument(...fields));

/** Constants that a query, a pipeline or a partial index may hold. */
const CONSTANTS: readonly (readonly [what: string, element: Buffer])[] = [
  ["a NaN with a payload", rawElement(0x01, "v", hex("01 00 00 00 00 00 f8 7f"))],
  ["a negative NaN", rawElement(0x01, "v", hex("00 00 00 00 00 00 f8 ff"))],
  ["text that is no UTF-8", rawElement(0x02, "v", text(hex("61 c3 28")))],
  ["a date beyond JavaScript's", rawElement(0x09, "v", hex("01 00 00 00 00 00 00 40"))],
  ["the last date of all", rawElement(0x09, "v", hex("ff ff ff ff ff ff ff 7f"))],
  ["a symbol", rawElement(0x0e, "v", text(Buffer.from("s")))],
  [
    "a pointer",
    rawElement(0x0c, "v", Buffer.concat([text(Buffer.from("a.b")), Buffer.alloc(12, 7)])),
  ],
];

/** Documents that look like Extended JSON's wrappers of values; legal as literals of a view. */
const WRAPPERS: readonly Buffer[] = [
  document("v", rawElement(0x02, "$numberInt", text(Buffer.from("5")))),
  document("v", rawElement(0x02, "$numberInt", text(Buffer.from("no number")))),
  document("v", rawElement(0x02, "$oid", text(Buffer.from("short")))),
  document("v", rawElement(0x02, "$date", text(Buffer.from("2026-11-23T00:00:00Z")))),
];

async function createRaw({ client, name }: FreshDatabase, command: Buffer): Promise<void> {
  const meaning = { action: "create", target: name } as const;
  await runExactly(client, name, toOrdered(command), meaning);
}

const create = (name: string, ...options: readonly Buffer[]) =>
  rawDocument(rawElement(0x02, "create", text(Buffer.from(name))), ...options);

/** `{$match: {v: <constant>}}`, in a view. */
const viewOf = (name: string, stage: Buffer) =>
  create(
    name,
    rawElement(0x02, "viewOn", text(Buffer.from("base"))),
    rawElement(0x04, "pipeline", rawDocument(document("0", stage))),
  );

const literal = (wrapper: Buffer) =>
  document("$addFields", document("c", document("$literal", wrapper)));

requires(
  { topology: "replicaSet" },
  "validators, views and partial indexes keep constants that no JavaScript value stands for",
  async (t, fresh) => {
    await fresh.db.collection("base").insertOne({ v: 1 });
    for (const [what, element] of CONSTANTS) {
      await createRaw(fresh, create(`validated by ${what}`, document("validator", element)));
      await createRaw(fresh, viewOf(`view of ${what}`, document("$match", element)));
    }
    for (const [n, wrapper] of WRAPPERS.entries())
      await createRaw(fresh, viewOf(`wrapper ${n}`, literal(wrapper)));
    const [, number] = CONSTANTS[0] ?? [];
    assert.ok(number);
    const index = rawDocument(
      document("key", rawElement(0x10, "a", hex("01 00 00 00"))),
      rawElement(0x02, "name", text(Buffer.from("partial"))),
      document("partialFilterExpression", number),
    );
    const indexes = rawElement(0x04, "indexes", rawDocument(rawElement(0x03, "0", index)));
    const target = rawElement(0x02, "createIndexes", text(Buffer.from("base")));
    await createRaw(fresh, rawDocument(target, indexes));
    await thereAndBack(t, fresh);
  },
);

requires(
  { topology: "replicaSet" },
  "stock mongorestore passes over what stands beside its own fields in the metadata",
  async (t, fresh) => {
    const nan = rawElement(0x01, "v", hex("02 00 00 00 00 00 f8 7f"));
    await createRaw(fresh, create("patients", document("validator", nan)));
    const { backup } = await thereAndBack(t, fresh, { BACKUP_COMPRESSION: "none" });
    const [before] = await rawCatalog(fresh);
    const file = join(String(backup.path), fresh.name, "patients.metadata.json");
    assert.ok(JSON.parse(await readFile(file, "utf8")).bson, "the payload is in base64");
    await fresh.db.dropDatabase();
    await runStockTool("mongorestore", [
      `--uri=${fresh.serverUri}`,
      `--dir=${String(backup.path)}`,
    ]);
    const [after] = await rawCatalog(fresh);
    assert.equal(after?.name, "patients");
    assert.notEqual(after.options, before?.options, "Extended JSON knows one NaN only");
  },
);

requires(
  { topology: "replicaSet" },
  "validators of a hundred thousand values come back",
  async (t, fresh) => {
    for (const length of [90_000, 110_000]) {
      const wards = Array.from({ length }, (_, n) => n);
      const validator = { ward: { $in: wards } };
      await fresh.db.createCollection(`patients ${length}`, { validator });
      await fresh.db.collection(`patients ${length}`).insertOne({ ward: 7 });
    }
    await thereAndBack(t, fresh);
  },
);
