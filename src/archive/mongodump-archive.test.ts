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

const longest = Buffer.alloc(4);
longest.writeInt32LE(17_000_000, 0);
const FURTHER: readonly Wrong[] = [
  {
    name: "an archive of an oplog and accounts alone",
    bytes: archiveOf(
      [entry("", "oplog", "", ""), entry("surg", "$admin.system.users", "", "")],
      [],
    ),
    message: /holds no collection/,
  },
  {
    name: "a header of an impossible length",
    bytes: archiveOf([entry("surg", "a")], [longest]),
    message: /a header has an impossible length of 17000000 bytes/,
  },
  {
    name: "a header that is too short to be one",
    bytes: archiveOf([Buffer.from("04000000", "hex")], []),
    message: /a header has an impossible length of 4 bytes/,
  },
  {
    name: "a header that is no document",
    bytes: archiveOf([broken], []),
    message: /a header has an element of the unknown type 119/,
  },
  {
    name: "an archive without a header",
    bytes: Buffer.concat([MAGIC, TERMINATOR]),
    message: /the archive has no header \(byte 4 /,
    details: { byte: 4 },
  },
  {
    name: "what is no archive",
    bytes: Buffer.from("BZh91AY&SY"),
    message: /no archive of mongodump \(byte 0 /,
    details: { byte: 0, file: "", document: null, chunk: null },
  },
  {
    name: "a block without an end in its header",
    bytes: archiveOf([entry("surg", "a")], [raw({ db: "surg", collection: "a" }), TERMINATOR]),
    message: /the header of a block is wrong/,
    details: { file: "surg.a" },
  },
  {
    name: "a name longer than the server takes",
    bytes: archiveOf([entry("surg", "x".repeat(256))], []),
    message: /"x{80}" is no name of a collection/,
  },
  {
    name: "an oplog that never ended",
    bytes: archiveOf(
      [entry("surg", "a"), entry("", "oplog", "", "")],
      [block("surg", "a", one), end("surg", "a", one), block("", "oplog", two)],
    ),
    message: /ends before the collection's end/,
    details: { file: "oplog" },
  },
  {
    name: "a view that was begun and never ended",
    bytes: archiveOf(
      [entry("surg", "a"), entry("surg", "v", "view")],
      [block("surg", "a", one), end("surg", "a", one), block("surg", "v", [])],
    ),
    message: /ends before the collection's end/,
    details: { file: "surg.v" },
  },
  {
    name: "a collection whose buckets came and it never did",
    bytes: archiveOf(
      [entry("surg", "a"), entry("surg", "system.buckets.a")],
      [block("surg", "system.buckets.a", one), end("surg", "system.buckets.a", one)],
    ),
    message: /ends before the collection's end/,
    details: { file: "surg.a" },
  },
  {
    name: "a document cut off by the archive's end",
    bytes: archiveOf([entry("surg", "a")], [block("surg", "a", one).subarray(0, -9)]),
    message: /the archive is cut short/,
    details: { file: "surg.a", document: 1 },
  },
];

for (const { name, bytes, message, details = {} } of [...WRONG, ...FURTHER])
  test(`${name} is damage`, async () => {
    for (const size of [5, 1 << 20])
      await assert.rejects(readAll(bytes, size), (error: unknown) => {
        assert.ok(error instanceof KeepError, String(error));
        assert.equal(error.code, "damaged");
        assert.match(error.message, message);
        assert.deepEqual({ ...error.details, ...details }, error.details);
        const { byte } = error.details;
        assert.ok(typeof byte === "number" && byte >= 0 && byte <= bytes.length, String(byte));
        assert.ok(error.message.endsWith(` (byte ${byte} of the archive)`), error.message);
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

test("what an archive says of itself and its collections is given first", async () => {
  const longName = "x".repeat(255);
  const bytes = archiveOf(
    [entry("surg", longName, "", "{}"), entry("surg", "v", "view"), entry("surg", "t", "", '{"options":{"timeseries":{"timeField":"at"}}}')], // prettier-ignore
    ["system.buckets.t", longName].flatMap((name) => [block("surg", name, one), end("surg", name, one)]), // prettier-ignore
  );
  const streams = [];
  for await (const part of readMongodumpArchive(cut(bytes, 7))) {
    if (part.kind === "end") streams.push([part.stream.name, part.stream.documents, part.stream.rawBytes]); // prettier-ignore
    if (part.kind !== "list") continue;
    const { serverVersion, toolVersion, collections } = part.list;
    assert.deepEqual([serverVersion, toolVersion], ["6.0.5", "100.7.0"]);
    assert.deepEqual(
      collections.map((c) => [c.database, c.name, c.type]),
      [
        ["surg", longName, "collection"],
        ["surg", "v", "view"],
        ["surg", "t", "timeseries"],
      ],
    );
  }
  const rawBytes = Buffer.concat(one).length;
  assert.deepEqual(streams, [
    ["system.buckets.t", 2, rawBytes],
    [longName, 2, rawBytes],
  ]);
});

test("as many collections as are allowed may be begun at once, however many there are", async () => {
  const names = Array.from({ length: 512 }, (_, n) => `c${n}`);
  const list = [...names, "last"].map((name) => entry("surg", name));
  const bytes = archiveOf(list, [
    ...names.map((name) => block("surg", name, one)),
    ...names.map((name) => end("surg", name, one)),
    end("surg", "last", []),
  ]);
  assert.equal((await readAll(bytes)).ended.length, 513);
});

test("a failure of the source is its own, not damage; damage of the stream around gets its place", async () => {
  const bytes = goodArchive();
  const broken = async function* (error: Error) {
    yield await Promise.resolve(bytes.subarray(0, -20));
    throw error;
  };
  const read = async (error: Error) => {
    const parts = [];
    for await (const part of readMongodumpArchive(broken(error))) parts.push(part);
  };
  const disk = new Error("EIO");
  await assert.rejects(read(disk), (error) => error === disk);
  const full = new KeepError("disk-full", "full");
  await assert.rejects(read(full), (error) => error === full);
  await assert.rejects(read(new KeepError("damaged", "incorrect data check")), (error) => {
    assert.ok(error instanceof KeepError);
    assert.match(error.message, /^incorrect data check \(byte \d+ of the archive\)$/);
    assert.equal(typeof error.details.byte, "number");
    return true;
  });
});
