// Every combination of what metadata says and which data files lie beside it: all that is there is restored as what
// it is, or the dump is refused by the file's name. Never less than the files hold, never more than there is.
import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { BSON } from "mongodb";
import { archiveOf, block, end, entry, patients } from "../../tests/support/mongodump-archive.ts";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import { KeepError } from "../errors.ts";
import { escapeName } from "./layout.ts";
import { readMongodumpArchive } from "./mongodump-archive.ts";
import { openBackup } from "./reader.ts";

const DOCUMENT = BSON.serialize({ _id: 1 });
const NOTHING = Buffer.alloc(0);

const OPTIONS = {
  none: {},
  view: { viewOn: "p", pipeline: [] },
  series: { timeseries: { timeField: "at" } },
} as const;
const DATA = {
  none: null,
  empty: NOTHING,
  documents: Buffer.concat([DOCUMENT, DOCUMENT]),
} as const;

const metadata = (fields: object) =>
  JSON.stringify({ indexes: [], collectionName: "x", ...fields });

type Files = Readonly<Record<string, string | Uint8Array | null>>;

/** "type file" of each collection, or the message of the refusal. */
async function opened(root: string, files: Files): Promise<string> {
  const path = join(root, "dump");
  await rm(path, { recursive: true, force: true });
  await mkdir(join(path, "surg"), { recursive: true });
  for (const [name, bytes] of Object.entries(files))
    if (bytes !== null) await writeFile(join(path, "surg", name), bytes);
  try {
    const { collections } = await openBackup(path);
    return collections
      .map((c) => `${c.name}=${c.type}:${c.dataFile === null ? "" : basename(c.dataFile.path)}`)
      .sort()
      .join(" ");
  } catch (error) {
    assert.ok(error instanceof KeepError, String(error));
    assert.equal(error.code, "damaged");
    assert.match(String(error.details.file), /^surg\//, error.message);
    return "refused";
  }
}

const TYPES = ["collection", "view", "timeseries", undefined, "", "vieww"] as const;

/** What each combination has to become; nothing else may be. */
function expected(
  type: string | undefined,
  options: keyof typeof OPTIONS,
  plain: keyof typeof DATA,
  buckets: keyof typeof DATA,
): string {
  const said = type === undefined || type === "" ? null : type;
  const asView = options === "view" && [null, "view"].includes(said);
  if (asView) return buckets === "none" && plain !== "documents" ? "x=view:" : "refused";
  const asSeries = options === "series" && [null, "timeseries"].includes(said);
  if (asSeries) {
    if (buckets !== "none")
      return plain === "documents" ? "refused" : "x=timeseries:system.buckets.x.bson";
    return plain === "none" ? "refused" : "x=timeseries:x.bson";
  }
  const asCollection = options === "none" && [null, "collection", "view"].includes(said);
  return asCollection && buckets === "none" && plain !== "none" ? "x=collection:x.bson" : "refused";
}

test("metadata and data files together are what both say, or refused by name", async (t) => {
  const root = await temporaryFolder(t);
  const wrong: string[] = [];
  for (const type of TYPES)
    for (const options of Object.keys(OPTIONS) as (keyof typeof OPTIONS)[])
      for (const plain of Object.keys(DATA) as (keyof typeof DATA)[])
        for (const buckets of Object.keys(DATA) as (keyof typeof DATA)[]) {
          const found = await opened(root, {
            "x.metadata.json": metadata({ type, options: OPTIONS[options] }),
            "x.bson": DATA[plain],
            "system.buckets.x.bson": DATA[buckets],
          });
          const wanted = expected(type, options, plain, buckets);
          if (found !== wanted)
            wrong.push(`${type} ${options} ${plain} ${buckets}: ${found}, not ${wanted}`);
        }
  assert.deepEqual(wrong, []);
});

test("without metadata documents are a plain collection, and buckets nothing that can be restored", async (t) => {
  const root = await temporaryFolder(t);
  assert.equal(await opened(root, { "x.bson": DOCUMENT }), "x=collection:x.bson");
  assert.equal(await opened(root, { "x.bson.gz": gzipSync(DOCUMENT) }), "x=collection:x.bson.gz");
  const buckets = { "system.buckets.x.bson": DOCUMENT };
  assert.equal(await opened(root, buckets), "refused");
  assert.equal(await opened(root, { ...buckets, "x.bson": DOCUMENT }), "refused");
  // mongodump --collection=system.buckets.x
  const bare = metadata({ collectionName: "system.buckets.x", type: "collection", options: {} });
  assert.equal(
    await opened(root, { ...buckets, "system.buckets.x.metadata.json": bare }),
    "refused",
  );
});

test("two files of one name are refused, however they are packed and escaped", async (t) => {
  const root = await temporaryFolder(t);
  const one = { "x.bson": DOCUMENT, "x.metadata.json": metadata({}) };
  const zipped = gzipSync(DOCUMENT);
  assert.equal(await opened(root, { ...one, "x.bson.gz": zipped }), "x=collection:x.bson");
  const options = { options: { capped: true, size: 4096 } };
  const twice: readonly Files[] = [
    { ...one, "x.bson.gz": gzipSync(Buffer.concat([DOCUMENT, DOCUMENT])) },
    { ...one, "x.bson.zst": zipped },
    { ...one, "x.metadata.json.gz": gzipSync(metadata(options)) },
    { "a%20b.bson": DOCUMENT, "a+b.bson": DOCUMENT },
    { "a%2Fb.bson": DOCUMENT, "a%2fb.bson": DOCUMENT },
    { ...one, "%78.bson": DOCUMENT },
    { ...one, "y.bson": DOCUMENT, "y.metadata.json": metadata({}) },
    { ...one, "y.bson": DOCUMENT, "y.metadata.json": metadata({ collectionName: "z" }), "z.bson": DOCUMENT }, // prettier-ignore
  ];
  for (const files of twice) assert.equal(await opened(root, files), "refused", Object.keys(files).join()); // prettier-ignore
  const other = {
    "a%20b.bson": DOCUMENT,
    "a+b.metadata.json": metadata({ collectionName: "a b" }),
  };
  assert.equal(await opened(root, other), "a b=collection:a%20b.bson");
  const packed = { "q.bson.gz.bson": DOCUMENT, "q.bson.gz.metadata.json": metadata({ collectionName: "q.bson.gz" }) }; // prettier-ignore
  assert.equal(await opened(root, packed), "q.bson.gz=collection:q.bson.gz.bson");
});

test("files that were renamed go by their new name, and metadata of another collection by none", async (t) => {
  const root = await temporaryFolder(t);
  const renamed = { "y.bson": DOCUMENT, "y.metadata.json": metadata({}) };
  assert.equal(await opened(root, renamed), "y=collection:y.bson");
  const { collections } = await openBackup(join(root, "dump"));
  assert.equal(collections[0]?.renamedFrom, "x");
  const old = { "a+b.bson": DOCUMENT, "a+b.metadata.json": metadata({ collectionName: "a+b" }) };
  assert.equal(await opened(root, old), "a+b=collection:a+b.bson");
  const long = "ü".repeat(110);
  const cut = escapeName(long);
  const files = (name: string) => ({ [`${cut}.bson`]: DOCUMENT, [`${cut}.metadata.json`]: metadata({ collectionName: name }) }); // prettier-ignore
  assert.equal(await opened(root, files(long)), `${long}=collection:${cut}.bson`);
  assert.equal(await opened(root, files("x")), "refused");
  await opened(root, { "y.bson": DOCUMENT, "y.metadata.json": metadata({}) });
  await writeFile(join(root, "dump", "surg", "y.metadata.json"), "{");
  await assert.rejects(openBackup(join(root, "dump")), { code: "damaged", message: /y\.metadata\.json/ }); // prettier-ignore
});

async function ofArchive(listed: Buffer, blocks: readonly Buffer[]): Promise<string> {
  const bytes = archiveOf([listed], blocks);
  try {
    let type = "";
    for await (const part of readMongodumpArchive(once(bytes)))
      if (part.kind === "list") type = part.list.collections[0]?.type ?? "";
    return type;
  } catch (error) {
    assert.ok(error instanceof KeepError && error.code === "damaged", String(error));
    assert.equal(error.details.file, "surg.x", error.message);
    return "refused";
  }
}

async function* once(bytes: Buffer) {
  yield await Promise.resolve(bytes);
}

test("an archive's metadata and its documents are what both say, or refused by name", async () => {
  const docs = patients(2);
  const of = (name: string, documents: readonly Buffer[]) => [
    ...(documents.length > 0 ? [block("surg", name, documents)] : []),
    end("surg", name, documents),
  ];
  const [plain, empty] = [of("x", docs), of("x", [])];
  const buckets = of("system.buckets.x", docs);
  const cases: readonly (readonly [string, string | undefined, object, Buffer[], string])[] = [
    ["view", "view", OPTIONS.view, empty, "view"],
    ["view", "view", OPTIONS.view, [], "view"],
    ["view", "view", OPTIONS.view, plain, "refused"],
    ["view", "view", OPTIONS.none, plain, "collection"],
    ["view", "view", OPTIONS.none, [], "refused"],
    ["", undefined, OPTIONS.view, plain, "refused"],
    ["collection", "view", OPTIONS.view, empty, "refused"],
    ["view", "collection", OPTIONS.none, plain, "refused"],
    ["collection", "collection", OPTIONS.view, plain, "refused"],
    ["collection", "collection", OPTIONS.none, plain, "collection"],
    ["collection", "collection", OPTIONS.none, [], "refused"],
    ["timeseries", "timeseries", OPTIONS.series, buckets, "timeseries"],
    ["timeseries", "timeseries", OPTIONS.series, plain, "timeseries"],
    ["timeseries", "timeseries", OPTIONS.series, [...empty, ...buckets], "timeseries"],
    ["timeseries", "timeseries", OPTIONS.series, [...plain, ...buckets], "refused"],
    ["timeseries", "timeseries", OPTIONS.none, buckets, "refused"],
    ["collection", "timeseries", OPTIONS.series, plain, "refused"],
    ["strange", "strange", OPTIONS.none, plain, "refused"],
  ];
  for (const [listed, type, options, blocks, wanted] of cases) {
    const told = entry("surg", "x", listed, metadata({ type, options }));
    const what = `${listed} ${type} ${JSON.stringify(options)} ${blocks.length}`;
    assert.equal(await ofArchive(told, blocks), wanted, what);
  }
});
