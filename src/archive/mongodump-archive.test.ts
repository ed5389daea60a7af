// Archives of mongodump, good and wrong in every way: what was read, or where the damage is.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  archiveOf,
  block,
  end,
  entry,
  goodArchive,
  header,
  MAGIC,
  patients,
  raw,
  TERMINATOR,
} from "../../tests/support/mongodump-archive.ts";
import { KeepError } from "../errors.ts";
import { readMongodumpArchive } from "./mongodump-archive.ts";

/** Nothing but async: the parser must not care how its bytes are cut. */
async function* cut(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size)
    yield await Promise.resolve(bytes.subarray(at, at + size));
}

async function readAll(bytes: Buffer, size = 1 << 20) {
  const ended: [string, number][] = [];
  const documents = new Map<string, Buffer[]>();
  for await (const part of readMongodumpArchive(cut(bytes, size))) {
    if (part.kind === "list") continue;
    const { namespace } = part.stream;
    if (part.kind === "end") ended.push([namespace, part.stream.documents]);
    else documents.set(namespace, [...(documents.get(namespace) ?? []), part.raw]);
  }
  const joined = [...documents].map(([name, pieces]) => [name, Buffer.concat(pieces)] as const);
  return { ended, documents: new Map(joined) };
}

test("an archive is read the same however its bytes are cut", async () => {
  const bytes = goodArchive();
  for (const size of [1, 2, 3, 7, 64, 1 << 20]) {
    const { ended, documents } = await readAll(bytes, size);
    assert.deepEqual(ended, [
      ["surg.adults", 0],
      ["surg.visits", 3],
      ["surg.patients", 5],
    ]);
    assert.deepEqual(documents.get("surg.patients"), Buffer.concat(patients(5)));
    assert.deepEqual(documents.get("surg.visits"), Buffer.concat(patients(3, 100)));
  }
});

test("an archive cut anywhere is damaged", async () => {
  const bytes = goodArchive();
  for (let length = 0; length < bytes.length; length++)
    await assert.rejects(readAll(bytes.subarray(0, length)), { code: "damaged" }, String(length));
});

test("one flipped bit anywhere is damage, except where nothing depends on it", async () => {
  const bytes = goodArchive();
  const list = bytes.indexOf(TERMINATOR);
  let unnoticed = 0;
  for (let at = list; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 4;
    try {
      await readAll(changed);
      unnoticed++;
    } catch (error) {
      assert.ok(error instanceof KeepError && error.code === "damaged", String(error));
    }
  }
  // The checksum of a block that ends nothing (mongodump writes 0 there), its name and its value.
  const blocks = 4;
  assert.ok(unnoticed <= blocks * 12, `${unnoticed} bytes`);
});

const [one, two] = [patients(2), patients(2, 10)];
const short = patients(1)[0] ?? Buffer.alloc(0);
const long = Buffer.from(short);
long.writeInt32LE(17_000_000, 0);
const broken = Buffer.from(short);
broken[4] = 0x77;

interface Wrong {
  readonly name: string;
  readonly bytes: Buffer;
  readonly message: RegExp;
  readonly details?: object;
}

const WRONG: readonly Wrong[] = [
  { name: "no archive", bytes: Buffer.from("BZh91AY&SY"), message: /no archive of mongodump/ },
  {
    name: "a version that is not known",
    bytes: Buffer.concat([MAGIC, header("0.2"), TERMINATOR]),
    message: /version "0\.2" cannot be read \(byte 4 /,
  },
  {
    name: "an archive of nothing",
    bytes: archiveOf([], []),
    message: /holds no collection/,
  },
  {
    name: "a collection listed twice",
    bytes: archiveOf([entry("surg", "a"), entry("surg", "a")], []),
    message: /twice/,
    details: { file: "surg.a" },
  },
  {
    name: "a database whose name leads out of the folder",
    bytes: archiveOf([entry("../../etc", "passwd")], []),
    message: /"\.\.\/\.\.\/etc" is no name of a database/,
  },
  {
    name: "a database named like the folder above",
    bytes: archiveOf([entry("..", "a")], []),
    message: /is no name of a database/,
  },
  {
    name: "a collection without a name",
    bytes: archiveOf([entry("surg", "")], []),
    message: /"" is no name of a collection/,
  },
  {
    name: "a collection with a null byte in its name",
    bytes: archiveOf([entry("surg", "a\0b")], []),
    message: /no name of a collection/,
  },
  {
    name: "a collection without a database that is not the oplog",
    bytes: archiveOf([entry("", "manifest.json")], []),
    message: /"manifest\.json" has no database/,
  },
  {
    name: "metadata of another collection",
    bytes: archiveOf([entry("surg", "a", "collection", '{"collectionName":"b"}')], []),
    message: /of another collection/,
    details: { file: "surg.a" },
  },
  {
    name: "metadata that is no JSON",
    bytes: archiveOf([entry("surg", "a", "collection", "{")], []),
    message: /its metadata cannot be read/,
    details: { file: "surg.a" },
  },
  {
    name: "a block of a collection that is not listed",
    bytes: archiveOf([entry("surg", "a")], [block("surg", "b", one)]),
    message: /a block is of "surg\.b"/,
  },
  {
    name: "two terminators",
    bytes: archiveOf([entry("surg", "a")], [block("surg", "a", one), TERMINATOR]),
    message: /has no header/,
  },
  {
    name: "more of a collection behind its end",
    bytes: archiveOf(
      [entry("surg", "a")],
      [block("surg", "a", one), end("surg", "a", one), block("surg", "a", two)],
    ),
    message: /more follows/,
    details: { file: "surg.a" },
  },
  {
    name: "documents in the block that ends a collection",
    bytes: archiveOf(
      [entry("surg", "a")],
      [end("surg", "a", []).subarray(0, -4), Buffer.concat([...one, TERMINATOR])],
    ),
    message: /documents follow the end/,
  },
  {
    name: "a lost document",
    bytes: archiveOf(
      [entry("surg", "a")],
      [block("surg", "a", one.slice(1)), end("surg", "a", one)],
    ),
    message: /fail the checksum/,
    details: { file: "surg.a" },
  },
  {
    name: "an end without a checksum",
    bytes: archiveOf(
      [entry("surg", "a")],
      [raw({ db: "surg", collection: "a", EOF: true }), TERMINATOR],
    ),
    message: /fail the checksum/,
  },
  {
    name: "a collection that never came",
    bytes: archiveOf(
      [entry("surg", "a"), entry("surg", "b")],
      [block("surg", "a", one), end("surg", "a", one)],
    ),
    message: /ends before the collection's end/,
    details: { file: "surg.b" },
  },
  {
    name: "a time series whose buckets never came",
    bytes: archiveOf(
      [entry("surg", "ts", "timeseries"), entry("surg", "a")],
      [block("surg", "a", one), end("surg", "a", one)],
    ),
    message: /ends before the collection's end/,
    details: { file: "surg.ts" },
  },
  {
    name: "a document of an impossible length",
    bytes: archiveOf([entry("surg", "a")], [block("surg", "a", [...one, long])]),
    message: /document 2 has an impossible length of 17000000 bytes \(byte \d+ of the archive\)/,
    details: { file: "surg.a", document: 2 },
  },
  {
    name: "a document with an unknown type",
    bytes: archiveOf([entry("surg", "a")], [block("surg", "a", [...one, broken, ...two])]),
    message: /document 2 has an element of the unknown type 119/,
    details: { file: "surg.a", document: 2 },
  },
  {
    name: "hundreds of collections begun and never ended",
    bytes: archiveOf(
      Array.from({ length: 600 }, (_, n) => entry("surg", `c${n}`)),
      Array.from({ length: 600 }, (_, n) => block("surg", `c${n}`, one)),
    ),
    message: /more than 512 collections are begun at once/,
  },
];

for (const { name, bytes, message, details = {} } of WRONG)
  test(`${name} is damage`, async () => {
    for (const size of [5, 1 << 20])
      await assert.rejects(readAll(bytes, size), (error: unknown) => {
        assert.ok(error instanceof KeepError, String(error));
        assert.equal(error.code, "damaged");
        assert.match(error.message, message);
        assert.deepEqual({ ...error.details, ...details }, error.details);
        return true;
      });
  });

test("the data of a time series comes under its buckets' name, or its own", async () => {
  for (const name of ["system.buckets.ts", "ts"]) {
    const bytes = archiveOf(
      [entry("surg", "ts", "timeseries")],
      [block("surg", name, one), end("surg", name, one)],
    );
    assert.deepEqual((await readAll(bytes)).ended, [[`surg.${name}`, 2]]);
  }
});
