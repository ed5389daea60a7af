// Dumps of the stock tools as they lie about: links, old layouts, lone files, and what people leave between them.
import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { BSON } from "mongodb";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import { readMetadata } from "./metadata-file.ts";
import type { OpenedBackup } from "./opened.ts";
import { openBackup } from "./reader.ts";

const DOCUMENT = BSON.serialize({ _id: 1 });
const metadataOf = (name: string, type = "collection") =>
  JSON.stringify({
    options: type === "timeseries" ? { timeseries: { timeField: "at" } } : {},
    ...{ indexes: [], collectionName: name, type },
  });

type Files = Readonly<Record<string, string | Uint8Array>>;

async function dumpOf(folder: string, files: Files): Promise<string> {
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
  return folder;
}

const namesOf = ({ collections }: OpenedBackup) =>
  collections.map((c) => `${c.database}.${c.name} ${basename(c.dataFile?.path ?? "")}${c.metadataFile === null ? "" : " +"}`); // prettier-ignore
const damaged = (message: RegExp) => ({ code: "damaged", message });

test("a collection may be called like a file of any kind: only the last suffix is one", async (t) => {
  const names = ["q.bson.gz", "q.bson", "q", "q.metadata.json", "q.metadata.json.gz", "q.bin", "prelude.json"]; // prettier-ignore
  for (const suffix of ["", ".gz"]) {
    const pack = (bytes: string | Uint8Array) => (suffix === "" ? bytes : gzipSync(bytes));
    const files = names.flatMap((name) => [
      [`surg/${name}.bson${suffix}`, pack(DOCUMENT)] as const,
      [`surg/${name}.metadata.json${suffix}`, pack(metadataOf(name))] as const,
    ]);
    const found = await openBackup(await dumpOf(await temporaryFolder(t), Object.fromEntries(files))); // prettier-ignore
    const expected = names.map((name) => `surg.${name} ${name}.bson${suffix} +`);
    assert.deepEqual(namesOf(found).sort(), expected.sort());
    assert.deepEqual(found.notes, []);
  }
});

test("a link within the dump is followed, one out of it or to nothing is refused by its name", async (t) => {
  const root = await temporaryFolder(t);
  const path = await dumpOf(join(root, "dump"), { "surg/a.bson": DOCUMENT, "surg/notes": "" });
  await dumpOf(join(root, "elsewhere"), { "b.bson": DOCUMENT });
  await writeFile(join(path, "surg", "a.metadata.json"), metadataOf("a"));
  await symlink("a.bson", join(path, "surg", "b.bson"));
  await symlink("a.metadata.json", join(path, "surg", "b.metadata.json"));
  await symlink("surg", join(path, "copy"));
  await symlink("/etc/passwd", join(path, "surg", "readme"));
  const found = await openBackup(path);
  assert.deepEqual(namesOf(found), ["copy.a a.bson +", "copy.b a.bson +", "surg.a a.bson +", "surg.b a.bson +"]); // prettier-ignore
  assert.ok(found.collections.every((c) => c.dataFile?.path === join(path, "surg", "a.bson") || c.name === "a")); // prettier-ignore
  const outside = join(root, "elsewhere", "b.bson");
  for (const [name, target, message] of [
    [
      "c.bson",
      outside,
      /surg\/c\.bson is a link to .*elsewhere\/b\.bson, which is not in the dump/,
    ],
    ["c.metadata.json", "/etc/passwd", /c\.metadata\.json is a link to \/etc\/passwd/],
    ["c.bson.gz", "../../none", /c\.bson\.gz is a link to nothing/],
    ["d", dirname(outside), /surg\/d is a link to .*elsewhere, which is not in the dump/],
  ] as const) {
    const odd = await dumpOf(join(root, `with ${name}`), { "surg/a.bson": DOCUMENT });
    await symlink(target, join(odd, "surg", name));
    await assert.rejects(openBackup(odd), damaged(message));
  }
  const top = await dumpOf(join(root, "top"), { "surg/a.bson": DOCUMENT });
  await symlink(dirname(outside), join(top, "more"));
  await assert.rejects(openBackup(top), damaged(/top\/more is a link to/));
});

test("indexes of a dump of MongoDB 2.x come out of system.indexes, where no metadata says more", async (t) => {
  const index = (ns: string, name: string) =>
    BSON.serialize({ v: 1, key: { [name]: 1 }, ns, name, background: true });
  const path = await dumpOf(join(await temporaryFolder(t), "dump"), {
    "surg/a.bson": DOCUMENT,
    "surg/b.c.bson": DOCUMENT,
    "surg/known.bson": DOCUMENT,
    "surg/known.metadata.json": metadataOf("known"),
    "surg/none.bson": "",
    "surg/system.indexes.bson": Buffer.concat([
      index("old.a", "x"),
      index("old.b.c", "y"),
      index("old.a", "z"),
      index("old.known", "k"),
      index("old.gone", "g"),
    ]),
  });
  const found = await openBackup(path);
  assert.deepEqual(namesOf(found), ["surg.a a.bson", "surg.b.c b.c.bson", "surg.known known.bson +", "surg.none none.bson"]); // prettier-ignore
  const indexes = [];
  for (const one of found.collections) {
    const read = await readMetadata(one);
    indexes.push(read?.indexes.map((raw) => String(BSON.deserialize(raw).name)).join() ?? null);
  }
  assert.deepEqual(indexes, ["x,z", "y", "", null]);
  assert.match(String(found.notes), /surg\/system\.indexes has indexes of what is not in the dump: gone/); // prettier-ignore
  for (const [bad, message] of [
    [index("surg.a", "x").subarray(0, 20), /system\.indexes\.bson: /],
    [BSON.serialize({ name: "x" }), /without its name, or that of its collection/],
  ] as const) {
    await writeFile(join(path, "surg", "system.indexes.bson"), bad);
    await assert.rejects(openBackup(path), damaged(message));
  }
});

test("one file is a dump of one collection, with the metadata beside it and the folder's name", async (t) => {
  const root = await temporaryFolder(t);
  const path = await dumpOf(join(root, "dump"), {
    "oplog.bson": DOCUMENT,
    "surg/a.bson": DOCUMENT,
    "surg/a.metadata.json": metadataOf("a"),
    "surg/b.bson.gz": gzipSync(DOCUMENT),
    "surg/b.metadata.json": "{",
    "surg/old.bin": DOCUMENT,
    "surg/system.buckets.days.bson": DOCUMENT,
    "surg/days.metadata.json": metadataOf("days", "timeseries"),
    "surg/$admin.system.users.bson": DOCUMENT,
    "surg/system.indexes.bson": BSON.serialize({ key: { x: 1 }, ns: "surg.old", name: "x" }),
  });
  await symlink(join(path, "surg", "old.bin"), join(root, "link.bson"));
  const open = (name: string) => openBackup(join(path, name));
  assert.deepEqual(namesOf(await open("surg/a.bson")), ["surg.a a.bson +"]);
  assert.deepEqual(namesOf(await open("surg/old.bin")), ["surg.old old.bin"]);
  assert.equal((await open("surg/old.bin")).collections[0]?.indexes?.length, 1);
  const [series] = (await open("surg/system.buckets.days.bson")).collections;
  assert.deepEqual([series?.name, series?.type], ["days", "timeseries"]);
  assert.deepEqual(namesOf(await open("../link.bson")), [`${basename(root)}.link old.bin`]);
  const log = await open("oplog.bson");
  assert.deepEqual([log.collections, log.hasOplog], [[], true]);
  await assert.rejects(open("surg/b.bson.gz"), damaged(/the metadata in b\.metadata\.json/));
  for (const name of ["surg/system.indexes.bson", "surg/$admin.system.users.bson"])
    await assert.rejects(open(name), { code: "backup-not-found", message: /is not the file of a collection/ }); // prettier-ignore
});

test("nothing is left out without a word, and what is known to be no data is not spoken of", async (t) => {
  const path = await dumpOf(join(await temporaryFolder(t), "dump"), {
    "prelude.json": "{}",
    ".DS_Store": "",
    "surg/prelude.json.gz": "",
    "surg/a.bson": DOCUMENT,
    "surg/A.BSON": DOCUMENT,
    "surg/%24admin.system.users.bson": DOCUMENT,
    "surg/old/b.bson": DOCUMENT,
    "surg/empty.bson": DOCUMENT,
    "surg/empty.metadata.json": "",
    "surg/blank.metadata.json": "",
    "papers/readme.txt": "",
  });
  const { notes, ...found } = await openBackup(path);
  assert.deepEqual(namesOf(found), ["surg.a a.bson", "surg.empty empty.bson"]); // prettier-ignore
  assert.deepEqual([...(notes ?? [])].sort(), [
    "not part of the dump, and left out: dump/.DS_Store",
    "not part of the dump, and left out: papers/",
    "not part of the dump, and left out: surg/A.BSON, surg/blank.metadata.json, surg/old/",
  ]);
});

test("collections beside the folders of databases come too, with a word", async (t) => {
  const root = await temporaryFolder(t);
  const mixed = await dumpOf(join(root, "mixed"), {
    "a.bson": DOCUMENT,
    "surg/b.bson": DOCUMENT,
    "surg/oplog.bson": DOCUMENT,
  });
  const found = await openBackup(mixed);
  assert.deepEqual(namesOf(found), ["surg.b b.bson", "surg.oplog oplog.bson", "mixed.a a.bson"]);
  assert.deepEqual([found.databaseFolder, found.hasOplog], [undefined, false]);
  assert.match(String(found.notes), /taken as those of the database mixed/);
});

test("a folder with nothing but an oplog is a dump, and an oplog with metadata is a collection", async (t) => {
  const root = await temporaryFolder(t);
  for (const name of ["oplog.bson", "oplog.bson.gz"]) {
    const { collections, oplog } = await openBackup(await dumpOf(join(root, name), { [name]: DOCUMENT })); // prettier-ignore
    assert.deepEqual([collections, basename(oplog?.file.path ?? "")], [[], name]);
  }
  const files = { "oplog.bson": DOCUMENT, "oplog.metadata.json": metadataOf("oplog") };
  const { collections, hasOplog } = await openBackup(await dumpOf(join(root, "surg"), files));
  assert.deepEqual([collections.length, hasOplog], [1, false]);
});
