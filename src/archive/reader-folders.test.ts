// Folders as people have them: ours, of stock mongodump, half of one, or nothing of the kind.
import assert from "node:assert/strict";
import { mkdir, readdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { BSON } from "mongodb";
import { fabricateBackup } from "../../tests/support/fabricate.ts";
import { optionsOf } from "../../tests/support/mongodump-archive.ts";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import type { KeepError } from "../errors.ts";
import { escapeName, mongodumpEscapeName } from "./layout.ts";
import { openBackup } from "./reader.ts";
import { readMetadata } from "./metadata-file.ts";
import { onDisk } from "./place.ts";

const DOCUMENT = BSON.serialize({ _id: 1 });
const metadataOf = (name: string, type = "collection") =>
  JSON.stringify({ options: {}, ...optionsOf(type), indexes: [], collectionName: name, type });

type Files = Readonly<Record<string, string | Uint8Array>>;

async function dumpOf(folder: string, files: Files): Promise<string> {
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(join(folder, name, ".."), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
  return folder;
}

const damaged = (message: RegExp) => ({ code: "damaged", message });

test("a backup of ours is read by its manifest, and without it never as a dump that promises nothing", async (t) => {
  const root = await temporaryFolder(t);
  const { path, id } = await fabricateBackup(root, "2026-11-23T02:00:00Z");
  const opened = await openBackup(path);
  assert.deepEqual([opened.id, opened.hasOplog, opened.collections.length > 0], [id, false, true]);
  assert.ok(opened.collections.every(({ expected }) => expected !== null));
  const manifest = join(path, "manifest.json");
  await writeFile(manifest, "{}");
  await assert.rejects(openBackup(path), damaged(/^manifest\.json of/));
  await truncate(manifest, 300 * 1024 * 1024);
  await assert.rejects(openBackup(path), damaged(/too long/));
  await rm(manifest);
  await symlink("/etc/passwd", manifest);
  await assert.rejects(openBackup(path), damaged(/not a plain file/));
  await rm(manifest);
  await assert.rejects(openBackup(path), damaged(/manifest\.json is missing/));
});

test("what was a backup of ours is known by its name, or by what lies in it", async (t) => {
  const root = await temporaryFolder(t);
  const id = "2026-11-23_02-00-00";
  const cases: readonly (readonly [string, RegExp])[] = [
    [`.${id}.partial`, /was never finished/],
    [`${id}.damaged`, /manifest\.json is missing/],
    [id, /manifest\.json is missing/],
  ];
  for (const [name, message] of cases) {
    const path = await dumpOf(join(root, name), { "surg/a.bson": DOCUMENT });
    await assert.rejects(openBackup(path), damaged(message));
  }
  const moved = await dumpOf(join(root, "moved"), { "verification.json": "{}" });
  await assert.rejects(openBackup(moved), damaged(/manifest\.json is missing/));
});

test("no folder, a file, and an empty one are each told as what they are", async (t) => {
  const root = await temporaryFolder(t);
  await assert.rejects(openBackup(join(root, "none")), { code: "backup-not-found", message: /there is no folder/ }); // prettier-ignore
  await writeFile(join(root, "file"), "");
  await assert.rejects(openBackup(join(root, "file")), { code: "backup-not-found", message: /is not a folder/ }); // prettier-ignore
  await assert.rejects(openBackup(join(root, "file", "x")), { code: "ENOTDIR" });
  await mkdir(join(root, "empty"));
  await assert.rejects(openBackup(join(root, "empty")), damaged(/is empty/));
  const notes = await dumpOf(join(root, "notes"), { "readme.txt": "", "more/readme.txt": "" });
  await assert.rejects(openBackup(notes), damaged(/holds no backup/));
});

test("a stock dump is read as it lies, with its log, accounts left to those who read them", async (t) => {
  const path = await dumpOf(join(await temporaryFolder(t), "dump"), {
    "oplog.bson": gzipSync(DOCUMENT),
    "admin/system.version.bson": DOCUMENT,
    "surg/a%2Fb.bson.gz": gzipSync(DOCUMENT),
    "surg/a%2Fb.metadata.json.gz": gzipSync(metadataOf("a/b")),
    "surg/plain.bson": DOCUMENT,
    "surg/seen.metadata.json": metadataOf("", "view"),
    "surg/system.buckets.days.bson": DOCUMENT,
    "surg/days.metadata.json": metadataOf("days", "timeseries"),
    "surg/$admin.system.users.bson": DOCUMENT,
    "surg/readme.txt": "",
  });
  const { hasOplog, oplog, manifest, collections } = await openBackup(path);
  assert.deepEqual([hasOplog, oplog?.algorithm, manifest], [true, "gzip", null]);
  const found = collections.map((c) => `${c.database}.${c.name} ${c.type} ${c.dataFile ? basename(c.dataFile.path) : ""}`); // prettier-ignore
  assert.deepEqual(found.sort(), [
    "admin.system.version collection system.version.bson",
    "surg.a/b collection a%2Fb.bson.gz",
    "surg.days timeseries system.buckets.days.bson",
    "surg.plain collection plain.bson",
    "surg.seen view ",
  ]);
});

test("one database's folder is a dump too, and a collection may be called oplog", async (t) => {
  const root = await temporaryFolder(t);
  const log = await openBackup(await dumpOf(join(root, "log"), { "a.bson": DOCUMENT, "oplog.bson": DOCUMENT })); // prettier-ignore
  assert.deepEqual([log.hasOplog, log.oplog?.algorithm, log.collections.map((c) => c.name)], [true, "none", ["a"]]); // prettier-ignore
  const files = { "oplog.bson": DOCUMENT, "oplog.metadata.json": metadataOf("oplog") };
  const { collections } = await openBackup(await dumpOf(join(root, "surg"), files));
  assert.deepEqual(collections.map((c) => [c.database, c.name]), [["surg", "oplog"]]); // prettier-ignore
});

test("a long name of a time series is cut in two places, and is one collection", async (t) => {
  const root = await temporaryFolder(t);
  const long = "ü".repeat(110);
  for (const escape of [escapeName, mongodumpEscapeName]) {
    const path = await dumpOf(join(root, escape.name), {
      [`surg/${escape(`system.buckets.${long}`)}.bson`]: DOCUMENT,
      [`surg/${escape(long)}.metadata.json`]: metadataOf(long, "timeseries"),
      "surg/v.metadata.json": metadataOf("v", "view"),
    });
    const { collections } = await openBackup(path);
    assert.deepEqual(collections.map((c) => [c.name, c.type, c.dataFile !== null]).sort(), [["v", "view", false], [long, "timeseries", true]]); // prettier-ignore
  }
  const cut = `${escapeName("x".repeat(400))}.bson`;
  await assert.rejects(openBackup(await dumpOf(join(root, "cut"), { [`surg/${cut}`]: DOCUMENT })), damaged(/its true name is in metadata\.json/)); // prettier-ignore
});

test("metadata that is too long, a bomb, or followed by more is damage, and none is none", async (t) => {
  const folder = await temporaryFolder(t);
  const read = async (name: string, bytes: string | Uint8Array) => {
    await writeFile(join(folder, name), bytes);
    return await readMetadata({ metadataFile: onDisk(join(folder, name)) });
  };
  assert.equal(await readMetadata({ metadataFile: null }), null);
  assert.equal((await read("a.metadata.json", metadataOf("a")))?.collectionName, "a");
  const more = Buffer.concat([gzipSync(metadataOf("a")), Buffer.from("more")]);
  await assert.rejects(
    read("b.metadata.json.gz", more),
    damaged(/metadata in b\.metadata\.json\.gz/),
  );
  await assert.rejects(read("c.metadata.json", `[${"1,".repeat(300_000)}1]`), damaged(/more values than/)); // prettier-ignore
  await assert.rejects(read("d.metadata.json.gz", gzipSync(Buffer.alloc(40e6))), damaged(/the metadata in/)); // prettier-ignore
  await truncate(join(folder, "a.metadata.json"), 40e6);
  await assert.rejects(readMetadata({ metadataFile: onDisk(join(folder, "a.metadata.json")) }), damaged(/too long/)); // prettier-ignore
  await assert.rejects(
    readMetadata({ metadataFile: onDisk(join(folder, "none")) }),
    damaged(/is missing/),
  );
});

test("a backup of ours is opened with all that its manifest says of a collection, and where it lies", async (t) => {
  const root = await temporaryFolder(t);
  const { path, manifest } = await fabricateBackup(root, "2026-11-23T02:00:00Z");
  const [first] = manifest.collections;
  assert.ok(first);
  const { documents, rawBytes, contentHash, newestId = null } = first;
  const { collections, oplog } = await openBackup(path);
  assert.equal(oplog, null);
  assert.deepEqual(collections, [
    {
      ...{ database: "surg", name: "operations", type: first.type },
      dataFile: onDisk(join(path, "surg/operations.bson")),
      metadataFile: onDisk(join(path, "surg/operations.metadata.json")),
      expected: { documents, rawBytes, contentHash, newestId },
    },
  ]);
  const read = await readMetadata(collections[0] ?? { metadataFile: null });
  assert.equal(read?.collectionName, "operations");
});

test("damage of a manifest or of metadata names the file, and leaves none open", async (t) => {
  const root = await temporaryFolder(t);
  const { path } = await fabricateBackup(root, "2026-11-23T02:00:00Z");
  const before = (await readdir("/proc/self/fd")).length;
  const details = { file: "manifest.json" };
  await writeFile(join(path, "manifest.json"), "{}");
  await assert.rejects(openBackup(path), { code: "damaged", details });
  await rm(join(path, "manifest.json"));
  await mkdir(join(path, "manifest.json"));
  await assert.rejects(openBackup(path), { message: /^manifest\.json: it is not a plain file/, details }); // prettier-ignore
  await rm(join(path, "manifest.json"), { recursive: true });
  await assert.rejects(openBackup(path), { code: "damaged", details });
  const metadataFile = join(root, "x.metadata.json.gz");
  await writeFile(metadataFile, Buffer.concat([gzipSync(metadataOf("a")), Buffer.alloc(9)]));
  await assert.rejects(readMetadata({ metadataFile: onDisk(metadataFile) }), {
    message: "the metadata in x.metadata.json.gz: more follows behind its end",
    details: { file: "x.metadata.json.gz" },
  });
  assert.equal((await readdir("/proc/self/fd")).length, before);
});

test("metadata of as many values as are taken is read, of one more it is not", async (t) => {
  const metadataFile = join(await temporaryFolder(t), "a.metadata.json");
  const most = 200_000;
  const array = (n: number) => `{"options":{"o":[${'"",'.repeat(n)}""]}}`;
  const object = (n: number) =>
    `{"options":{${Array.from({ length: n + 1 }, (_, i) => `"${i}":""`).join(",")}}}`;
  for (const [list, brackets] of [
    [array, 3],
    [object, 2],
  ] as const) {
    await writeFile(metadataFile, list(most - brackets));
    assert.ok(await readMetadata({ metadataFile: onDisk(metadataFile) }));
    await writeFile(metadataFile, list(most - brackets + 1));
    await assert.rejects(
      readMetadata({ metadataFile: onDisk(metadataFile) }),
      damaged(/more values than/),
    );
  }
  await writeFile(metadataFile, "[".repeat(most + 1));
  await assert.rejects(
    readMetadata({ metadataFile: onDisk(metadataFile) }),
    damaged(/more values than/),
  );
  await writeFile(metadataFile, "{".repeat(most + 1));
  await assert.rejects(
    readMetadata({ metadataFile: onDisk(metadataFile) }),
    damaged(/more values than/),
  );
});

test("in a stock dump only what is named like data or metadata at its end is such", async (t) => {
  const root = await temporaryFolder(t);
  const path = await dumpOf(join(root, ".hidden"), {
    "surg/z.bson": DOCUMENT,
    "surg/a.bson.zst": DOCUMENT,
    "surg/b.bson.txt": "",
    "surg/b.metadata.json.txt": "",
    "surg/c.ejson": "",
    "surg/my oplog.bson": DOCUMENT,
    "surg/oplog.bson.bson": DOCUMENT,
    "surg/b$admin.system.bson": DOCUMENT,
    "surg/x.system.buckets..bson": DOCUMENT,
    "a folder that is no database/readme": "",
    "oplog.bson/nested.bson.txt": "",
  });
  const { collections, hasOplog } = await openBackup(path);
  assert.equal(hasOplog, false);
  assert.deepEqual(
    collections.map((c) => [c.name, c.type, basename(c.dataFile?.path ?? "")]),
    [
      ["a", "collection", "a.bson.zst"],
      ["b$admin.system", "collection", "b$admin.system.bson"],
      ["my oplog", "collection", "my oplog.bson"],
      ["oplog.bson", "collection", "oplog.bson.bson"],
      ["x.system.buckets.", "collection", "x.system.buckets..bson"],
      ["z", "collection", "z.bson"],
    ],
  );
  const unnamed = await dumpOf(join(root, "dump"), { "a.b/c.bson": DOCUMENT });
  await assert.rejects(openBackup(unnamed), damaged(/no name of a database/));
});

test("a log has no metadata of its own: beside that of another collection it still is the log", async (t) => {
  const root = await temporaryFolder(t);
  const files = { "oplog.bson.gz": gzipSync(DOCUMENT), "surg/a.bson": DOCUMENT };
  const found = await openBackup(await dumpOf(join(root, "dump"), files));
  assert.equal(found.hasOplog, true);
  const inside = await dumpOf(join(root, "surg"), {
    ...{ "a.bson": DOCUMENT, "a.metadata.json": metadataOf("a"), "oplog.bson": DOCUMENT },
  });
  const { collections } = await openBackup(inside);
  assert.deepEqual(
    collections.map((c) => c.name),
    ["a"],
  );
});

test("two dumps in one folder, plain and compressed, are one where both hold the same, and refused where not", async (t) => {
  const root = await temporaryFolder(t);
  const other = BSON.serialize({ _id: 2 });
  const text = metadataOf("a");
  const same: Files = {
    "surg/a.bson": DOCUMENT,
    "surg/a.bson.gz": gzipSync(DOCUMENT, { level: 1 }),
    "surg/a.metadata.json": text,
    "surg/a.metadata.json.gz": gzipSync(text),
    "oplog.bson": DOCUMENT,
    "oplog.bson.gz": gzipSync(DOCUMENT),
  };
  const opened = await openBackup(await dumpOf(join(root, "same"), same));
  assert.deepEqual(opened.collections.map((c) => c.name), ["a"]); // prettier-ignore
  assert.deepEqual(opened.notes, [
    "surg/a.bson.gz holds the same as a.bson, which is used",
    "surg/a.metadata.json.gz holds the same as a.metadata.json, which is used",
    "oplog.bson.gz holds the same as oplog.bson, which is used",
  ]);
  const different: Files = {
    "surg/a.bson.gz": gzipSync(other),
    "surg/a.metadata.json.gz": gzipSync(metadataOf("a").replace("{}", '{"capped":true}')),
    "oplog.bson.gz": gzipSync(other),
  };
  for (const [name, bytes] of Object.entries(different)) {
    const folder = await dumpOf(join(root, basename(name)), { ...same, [name]: bytes });
    await assert.rejects(openBackup(folder), (error: KeepError) => {
      assert.equal(error.code, "damaged");
      assert.match(error.message, /holds something else/);
      assert.equal(error.details.file, name);
      return true;
    });
  }
});
