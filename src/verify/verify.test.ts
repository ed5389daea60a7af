import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  copyFile,
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { documents, quiet, SMALL_ID, smallBackup } from "../../tests/support/small-backup.ts";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import { listCatalog } from "../archive/catalog.ts";
import { openBackup } from "../archive/reader.ts";
import { readMetadata } from "../archive/metadata-file.ts";
import { formatManifest } from "../archive/seal.ts";
import { formatVerification, parseVerification } from "../archive/verification.ts";
import type { Manifest } from "../archive/manifest.ts";
import { createEncoder } from "../codec/create.ts";
import type { Emit } from "../events.ts";
import { sha256Of } from "../util/sha256.ts";
import { verifyBackup } from "./verify.ts";
import { onDisk } from "../archive/place.ts";

/** Every byte of gzip backups, of the others every third: SLOW=1 tries all of all. */
const strideOf = (algorithm: string, file: string) => {
  if (process.env.SLOW === "1") return 1;
  // Its seal is tried bit by bit in archive/metadata.test.ts.
  if (file.endsWith("manifest.json")) return 29;
  return algorithm === "gzip" ? 1 : 3;
};
const ALGORITHMS = ["gzip", "zstd", "none"] as const;
const full = (path: string) => verifyBackup(path, "full", quiet());
const quick = (path: string) => verifyBackup(path, "quick", quiet());

async function filesOf(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name));
}

for (const algorithm of ALGORITHMS) {
  test(`one flipped bit in any byte of any file is found (${algorithm})`, async (t) => {
    const { path } = await smallBackup(await temporaryFolder(t), algorithm);
    assert.deepEqual((await full(path)).problems, []);
    assert.ok((await quick(path)).ok);
    let seed = 1;
    for (const file of await filesOf(path)) {
      const good = await readFile(file);
      for (let at = 0; at < good.length; at += strideOf(algorithm, file)) {
        const bad = Buffer.from(good);
        seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
        bad[at] = (bad[at] ?? 0) ^ (1 << ((seed >>> 16) % 8));
        await writeFile(file, bad);
        const where = `${file} byte ${at}`;
        if (file.endsWith("verification.json")) assertNotBelieved(good, bad, where);
        else await assertFound(path, file, where);
      }
      await writeFile(file, good);
    }
    assert.ok((await full(path)).ok);
  });

  test(`a file cut at any length is found and named (${algorithm})`, async (t) => {
    const { path } = await smallBackup(await temporaryFolder(t), algorithm);
    for (const file of await filesOf(path)) {
      if (file.endsWith("verification.json")) continue;
      const good = await readFile(file);
      for (let length = 0; length < good.length; length += strideOf(algorithm, file)) {
        await writeFile(file, good.subarray(0, length));
        await assertFound(path, file, `${file} cut to ${length}`);
      }
      await writeFile(file, good);
    }
  });

  test(`a file that is missing, added, swapped or doubled is found and named (${algorithm})`, async (t) => {
    const { path } = await smallBackup(await temporaryFolder(t), algorithm);
    for (const file of await filesOf(path)) {
      if (file.endsWith("verification.json")) continue;
      await rename(file, `${path}-aside`);
      await assertFound(path, file, `${file} missing`);
      await rename(`${path}-aside`, file);
      await copyFile(file, `${file}.bson`);
      await assertFound(path, `${file}.bson`, `${file} doubled`);
      await rm(`${file}.bson`);
    }
    const [one = "", other = ""] = (await filesOf(path)).filter((f) => f.includes(".bson"));
    await rename(one, `${path}-aside`);
    await rename(other, one);
    await rename(`${path}-aside`, other);
    const { problems } = await full(path);
    assert.equal(problems.length, 2);
  });

  test(`anything but a plain file in a file's place is found, and nothing waits for it (${algorithm})`, async (t) => {
    const { path } = await smallBackup(await temporaryFolder(t), algorithm);
    for (const file of await filesOf(path)) {
      if (file.endsWith("verification.json")) continue;
      const aside = `${path}-aside`;
      await rename(file, aside);
      const substitutes = [
        () => symlink(aside, file),
        () => mkdir(file),
        () => Promise.resolve(execFileSync("mkfifo", [file])),
      ];
      for (const substitute of substitutes) {
        await substitute();
        await assertFound(path, file, file);
        await rm(file, { recursive: true });
      }
      await rename(aside, file);
    }
  });
}

async function assertFound(path: string, file: string, where: string): Promise<void> {
  const name = file.slice(path.length + 1);
  const found = await full(path);
  assert.equal(found.ok, false, where);
  assert.ok(
    found.problems.some((p) => p.file === name),
    `${where}: ${JSON.stringify(found.problems)}`,
  );
  if (where.endsWith("0")) assert.ok(!(await quick(path)).ok, `quick: ${where}`);
}

function assertNotBelieved(good: Buffer, bad: Buffer, where: string): void {
  const parsed = parseVerification(bad.toString("utf8"));
  if (parsed !== null) assert.deepEqual(parsed, parseVerification(good.toString("utf8")), where);
}

test("a lying or missing verification.json changes nothing: all is computed anew", async (t) => {
  const { path } = await smallBackup(await temporaryFolder(t), "gzip");
  const before = await full(path);
  await writeFile(join(path, "verification.json"), "lies");
  const { collections, ok } = await full(path);
  assert.ok(ok);
  assert.deepEqual(collections, before.collections);
  await rm(join(path, "verification.json"));
  assert.ok((await full(path)).ok);
});

test("a folder in which a database's folder is a link is not followed", async (t) => {
  const { path } = await smallBackup(await temporaryFolder(t), "gzip");
  await rename(join(path, "surg"), `${path}-elsewhere`);
  await symlink(`${path}-elsewhere`, join(path, "surg"));
  const { problems } = await full(path);
  assert.ok(problems.some((p) => p.file === "surg"));
});

test("a backup under another name is as good as it was, and says which it is", async (t) => {
  const root = await temporaryFolder(t);
  const { path } = await smallBackup(root, "gzip");
  for (const name of ["2026-11-24_02-00-00", "a copy"]) {
    const copy = join(root, name);
    await cp(path, copy, { recursive: true });
    const notes: string[] = [];
    const emit: Emit = (event) => {
      if (event.kind === "log") notes.push(event.message);
    };
    const context = { ...quiet(), emit };
    const whole = await verifyBackup(copy, "full", context);
    assert.deepEqual(whole.problems, []);
    assert.match(notes.join(), /holds the backup 2026-11-23_\d\d-00-00: the folder was copied/);
    await writeFile(join(copy, "surg", "more.bson"), "");
    assert.equal((await verifyBackup(copy, "full", context)).ok, false);
  }
});

async function reseal(path: string, change: (body: Manifest) => object): Promise<void> {
  const file = join(path, "manifest.json");
  const { sha256: _, ...body } = change(
    JSON.parse(await readFile(file, "utf8")) as Manifest,
  ) as Manifest;
  await writeFile(file, formatManifest(body).text);
}

test("a manifest sealed anew cannot lead out of the backup, leave a file out, or claim another version", async (t) => {
  const root = await temporaryFolder(t);
  const { path, manifest } = await smallBackup(root, "none");
  const changes: ((body: Manifest) => object)[] = [
    (b) => ({ ...b, schema: 2 }),
    ...["../secret", "/etc/passwd", "surg/../../secret", "surg/./x", "surg//x", ".."].map(
      (bad) => (b: Manifest) => ({
        ...b,
        files: [...b.files, { path: bad, bytes: 0, sha256: sha256Of("") }],
      }),
    ),
    (b) => ({ ...b, files: b.files.slice(1) }),
    (b) => ({ ...b, files: [...b.files, b.files[0]] }),
    (b) => ({ ...b, databases: ["../x"] }),
    (b) => ({ ...b, collections: b.collections.map((c) => ({ ...c, database: "../x" })) }),
    (b) => ({
      ...b,
      collections: b.collections.map((c) => ({ ...c, contentHash: "0".repeat(32) })),
    }),
    (b) => ({ ...b, collections: b.collections.map((c) => ({ ...c, files: [] })) }),
    (b) => ({ ...b, collections: [b.collections[0], b.collections[0]] }),
  ];
  for (const [i, change] of changes.entries()) {
    await reseal(path, change);
    const { ok } = await full(path);
    assert.ok(!ok, `change ${i}`);
    await reseal(path, () => manifest);
  }
  assert.ok((await full(path)).ok);
});

test("a manifest sealed anew cannot exchange parts of collections, or leave out what belongs to them", async (t) => {
  const { path, manifest } = await smallBackup(await temporaryFolder(t), "none");
  const [a, b] = manifest.collections;
  assert.ok(a && b);
  const [data = "", metadata = ""] = a.files;
  const [, other = ""] = b.files;
  const changes: (readonly [RegExp, readonly object[]])[] = [
    [/metadata of "operations", and should be that of "patients"/, [{ ...a, files: [data, other] }, { ...b, files: [b.files[0], metadata] }]], // prettier-ignore
    [/metadata of "patients", and should be that of "others"/, [{ ...a, name: "others" }, b]],
    [/of a collection, and should be of a timeseries/, [{ ...a, type: "timeseries" }, b]],
    [/lacks the index "email_1"/, [{ ...a, indexes: ["_id_", "email_1"] }, b]],
    [/has 1 indexes, and should have 0/, [{ ...a, indexes: [] }, b]],
    [/surg.patients has 0 metadata files/, [{ ...a, files: [data] }, b]],
    [/surg.patients has 7 bytes stored/, [{ ...a, storedBytes: 7 }, b]],
    [/has it for no collection/, [{ ...a, files: [data] }, b]],
  ];
  for (const [expected, collections] of changes) {
    await reseal(path, (body) => ({ ...body, collections }));
    for (const level of [full, quick]) {
      const { problems } = await level(path);
      assert.ok(problems.some(({ problem }) => expected.test(problem)), `${String(expected)}: ${JSON.stringify(problems)}`); // prettier-ignore
    }
    await reseal(path, () => manifest);
  }
  assert.deepEqual((await full(path)).problems, []);
});

test("metadata of an old mongodump, without name and type, is that of its collection", async (t) => {
  const { path, manifest } = await smallBackup(await temporaryFolder(t), "none");
  const text = '{"options":{},"indexes":[{"v":2,"key":{"_id":1},"name":"_id_"}]}';
  const files = manifest.files.map((file) => {
    if (!file.path.endsWith(".metadata.json")) return file;
    return { ...file, bytes: text.length, sha256: sha256Of(text) };
  });
  for (const { path: name } of files)
    if (name.endsWith(".metadata.json")) await writeFile(join(path, name), text);
  const storedBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const totals = { ...manifest.totals, storedBytes };
  await reseal(path, (body) => ({ ...body, engine: "mongodump", files, totals }));
  assert.deepEqual((await full(path)).problems, []);
  await reseal(path, (body) => ({ ...body, engine: "native" }));
  assert.equal((await full(path)).problems.length, 2, "ours always have both");
});

test("metadata of more values than options and indexes can have is refused before it fills memory", async (t) => {
  const file = join(await temporaryFolder(t), "c.metadata.json");
  await writeFile(file, `{"indexes":[${'{"v":2},'.repeat(150_000)}{"v":2}]}`);
  await assert.rejects(readMetadata({ metadataFile: onDisk(file) }), /more values than/);
});

test("damage in a chunk that was checksummed anew is told by chunk and document", async (t) => {
  const folder = join(await temporaryFolder(t), "dump", "surg");
  await mkdir(folder, { recursive: true });
  const bad = documents(3, 3);
  // The type byte of the second document's first element, hence document 4 of the file, counted from 0.
  bad[bad.readInt32LE(0) + 4] = 0x77;
  const encoder = createEncoder({ algorithm: "gzip", level: 1 });
  const chunks = [documents(0, 3), bad, documents(6, 2)];
  const members = await Promise.all(chunks.map((c) => encoder.encode(c)));
  await writeFile(join(folder, "patients.bson.gz"), Buffer.concat(members));
  const { problems } = await full(join(folder, ".."));
  assert.deepEqual(problems, [
    {
      file: "surg/patients.bson.gz",
      chunk: 1,
      document: 4,
      problem: "has an element of the unknown type 119",
    },
  ]);
});

test("folders of stock mongodump are good, and not once a document is cut", async (t) => {
  const root = join(await temporaryFolder(t), "dump");
  const data = documents(0, 20);
  const metadata = '{"options":{},"indexes":[],"collectionName":"patients","type":"collection"}';
  for (const gzip of [false, true]) {
    const folder = join(root, "surg");
    await mkdir(folder, { recursive: true });
    const suffix = gzip ? ".gz" : "";
    const zip = (bytes: Buffer) => (gzip ? gzipSync(bytes) : bytes);
    const file = join(folder, `patients.bson${suffix}`);
    const metadataFile = join(folder, `patients.metadata.json${suffix}`);
    await writeFile(metadataFile, zip(Buffer.from(metadata)));
    await writeFile(file, zip(data));
    const good = await full(root);
    assert.deepEqual([good.ok, good.collections[0]?.documents], [true, 20]);
    await writeFile(file, zip(data.subarray(0, -7)));
    assert.deepEqual(
      (await full(root)).problems.map((p) => [p.file, p.document]),
      [[`surg/patients.bson${suffix}`, 19]],
    );
    const stored = zip(data);
    await writeFile(file, stored.subarray(0, stored.length - 7));
    assert.ok(!(await full(root)).ok);
    await writeFile(file, zip(data));
    await writeFile(metadataFile, zip(Buffer.from(metadata.slice(0, -5))));
    assert.ok(!(await full(root)).ok);
    await rm(root, { recursive: true });
  }
});

test("metadata of gzip with something behind its end is damage", async (t) => {
  const file = join(await temporaryFolder(t), "c.metadata.json.gz");
  await writeFile(file, Buffer.concat([gzipSync('{"indexes":[]}'), Buffer.from("junk")]));
  await assert.rejects(readMetadata({ metadataFile: onDisk(file) }), { code: "damaged" });
});

test("a stock collection that is called oplog is a collection", async (t) => {
  const root = join(await temporaryFolder(t), "dump");
  await mkdir(join(root, "surg"), { recursive: true });
  await writeFile(join(root, "surg", "oplog.bson"), documents(0, 2));
  await writeFile(join(root, "surg", "oplog.metadata.json"), '{"collectionName":"oplog"}');
  await writeFile(join(root, "oplog.bson"), documents(0, 2));
  const backup = await openBackup(root);
  assert.deepEqual([backup.collections.map((c) => c.name), backup.hasOplog], [["oplog"], true]);
});

test("a stock dump of a database that no server takes is damaged, not a fault of ours later", async (t) => {
  const root = join(await temporaryFolder(t), "dump");
  await mkdir(join(root, "a.b"), { recursive: true });
  assert.equal((await full(root)).ok, false);
  await writeFile(join(root, "a.b", "patients.bson"), documents(0, 2));
  assert.match((await full(root)).problems[0]?.problem ?? "", /"a\.b" is no name of a database/);
});

test("an unfinished backup does not pass for a stock dump", async (t) => {
  const root = await temporaryFolder(t);
  const { path } = await smallBackup(root, "gzip");
  const partial = join(root, `.${SMALL_ID}.partial`);
  await rename(path, partial);
  await rm(join(partial, "manifest.json"));
  await rm(join(partial, "verification.json"));
  assert.match((await full(partial)).problems[0]?.problem ?? "", /never finished/);
});

test("a folder that is not there is an error, not a finding", async (t) => {
  await assert.rejects(full(join(await temporaryFolder(t), "none")), { code: "backup-not-found" });
});

test("an abort ends the verification", async (t) => {
  const { path } = await smallBackup(await temporaryFolder(t), "gzip");
  const reason = new Error("stop");
  const context = { ...quiet(), signal: AbortSignal.abort(reason) };
  await assert.rejects(verifyBackup(path, "full", context), reason);
});

test("what a verify that was killed leaves beside its report is no damage", async (t) => {
  const { path } = await smallBackup(await temporaryFolder(t), "gzip");
  await writeFile(join(path, ".verification.json.4711.tmp"), "{");
  assert.deepEqual((await full(path)).problems, []);
  await writeFile(join(path, ".verification.json"), "{");
  assert.equal((await full(path)).problems.length, 1);
});

test("files of other programs beside a backup's are a warning, and unknown data stays damage", async (t) => {
  const { path } = await smallBackup(await temporaryFolder(t), "gzip");
  const told: string[] = [];
  const emit: Emit = (event) => {
    if (event.kind === "log") told.push(`${event.level} ${event.code ?? ""} ${event.message}`);
  };
  const foreign = [
    ...[".DS_Store", "surg/._patients.bson.gz", "Thumbs.db", "surg/desktop.ini", "surg/.nfs0000abcd"],
    ...["@eaDir/x/y", "surg/@eaDir/patients.bson.gz@SynoEAStream", "surg/.patients.bson.gz.swp"],
    ...["#recycle/surg/old.bson.gz", "lost+found/#1", ".snapshot/a/surg/patients.bson.gz", "manifest.json~"],
  ]; // prettier-ignore
  for (const name of foreign) {
    await mkdir(join(path, dirname(name)), { recursive: true });
    await writeFile(join(path, name), "x");
  }
  await symlink("/nowhere", join(path, ".Trash-1000"));
  for (const level of ["full", "quick"] as const) {
    told.length = 0;
    assert.deepEqual((await verifyBackup(path, level, { ...quiet(), emit })).problems, []);
    assert.match(told.join("\n"), /^warn foreign-files .*passed over: .*and \d+ more$/);
  }
  for (const name of [
    "surg/extra.bson.gz",
    "surg/extra.metadata.json",
    "surg/.x.bson",
    "notes.txt",
    "other",
  ]) {
    if (name === "other") await mkdir(join(path, "surg", name));
    else await writeFile(join(path, name), "x");
    const [problem, ...more] = (await full(path)).problems;
    assert.match(problem?.problem ?? "", /not in the manifest/, name);
    assert.equal(more.length, 0);
    await rm(join(path, name === "other" ? "surg/other" : name), { recursive: true });
  }
});

test("a stock dump is restored without what other programs left in it, which is named", async (t) => {
  const root = await temporaryFolder(t);
  const path = join(root, "dump");
  for (const folder of ["surg", "@eaDir", "#recycle"]) await mkdir(join(path, folder), { recursive: true }); // prettier-ignore
  await writeFile(join(path, "surg/patients.bson"), documents(0, 3));
  for (const name of ["surg/._patients.bson", "@eaDir/a.bson", "#recycle/b.bson", ".DS_Store"])
    await writeFile(join(path, name), "not a document");
  const told: string[] = [];
  const emit: Emit = (event) => {
    if (event.kind === "log") told.push(event.message);
  };
  const found = await verifyBackup(path, "full", { ...quiet(), emit });
  assert.deepEqual([found.problems, found.collections.length], [[], 1]);
  for (const name of ["surg/._patients.bson", "@eaDir/", "#recycle/", ".DS_Store"])
    assert.ok(
      told.some((text) => text.includes(name)),
      `${name} is told`,
    );
});

test("what failed its verification when it was made says so ever after, and never passes for a backup", async (t) => {
  const root = await temporaryFolder(t);
  const { path } = await smallBackup(root, "gzip");
  const aside = `${path}.damaged`;
  await rename(join(path, "manifest.json"), join(path, "manifest.draft.json"));
  const recorded = { file: "surg/patients.bson.gz", chunk: 1, document: null, problem: "the chunk fails its checksum" }; // prettier-ignore
  const found = { ...(await full(path)), ok: false, id: SMALL_ID, problems: [recorded] };
  await writeFile(join(path, "verification.json"), formatVerification(found));
  const [asIs] = await listCatalog(root);
  assert.deepEqual([asIs?.state, asIs?.manifest], ["unreadable", null], "under a backup's name");
  await rename(path, aside);
  assert.deepEqual(
    (await full(aside)).problems,
    [recorded],
    "a disk that reads well now changes nothing",
  );
  await assert.rejects(openBackup(aside), { code: "damaged", message: /failed its verification/, hint: /mongokeep verify/ }); // prettier-ignore
  const [entry] = await listCatalog(root);
  assert.deepEqual([entry?.state, entry?.manifest, entry?.draft?.id], ["damaged", null, SMALL_ID]);
  assert.match(entry?.problem ?? "", /patients.bson.gz: the chunk fails/);
  await rm(join(aside, "surg/operations.bson.gz"));
  const [first, second] = (await quick(aside)).problems;
  assert.deepEqual([first, second?.problem], [recorded, "the file is missing"]);
  await writeFile(join(aside, "verification.json"), "{}");
  assert.ok(!(await full(aside)).ok);
  await rename(join(aside, "manifest.draft.json"), join(aside, "manifest.json"));
  await writeFile(join(aside, "verification.json"), formatVerification(found));
  await rename(aside, path);
  assert.equal((await listCatalog(root))[0]?.state, "damaged", "renamed by hand");
});
