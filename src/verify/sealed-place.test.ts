// The seam for encryption: with a transform in it, backups are made, verified and read as without one, and nothing
// but their manifests can be read without it.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { sealedBlocks } from "../../tests/support/sealed-blocks.ts";
import { documents, quiet, smallBackup } from "../../tests/support/small-backup.ts";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import { createEncoder, suffixOf } from "../codec/create.ts";
import { localDisk } from "../storage/local-disk.ts";
import { readExactly } from "../storage/ranges.ts";
import type { Storage } from "../storage/storage.ts";
import { verifyBackup } from "./verify.ts";
import { listCatalog } from "../archive/catalog.ts";
import { readChunks } from "../archive/chunk-reader.ts";
import { openDataFile } from "../archive/data-file.ts";
import { readMetadata } from "../archive/metadata-file.ts";
import { fileAt, ON_DISK, openArchived } from "../archive/place.ts";
import type { ArchivedFile, Place } from "../archive/place.ts";
import { openBackup } from "../archive/reader.ts";

const { signal } = new AbortController();
const SEALED: Place = { storage: localDisk, transform: sealedBlocks(randomBytes(32)) };
const OTHER_KEY: Place = { storage: localDisk, transform: sealedBlocks(randomBytes(32)) };
const ALGORITHMS = ["gzip", "zstd", "none"] as const;

async function contentOf(file: ArchivedFile | null | undefined): Promise<Buffer> {
  assert.ok(file);
  const pieces: Buffer[] = [];
  for await (const { raw } of readChunks(file, { width: 2, signal })) pieces.push(raw);
  return Buffer.concat(pieces);
}

for (const algorithm of ALGORITHMS)
  test(`a backup through a transform is verified and read as one without, and by no other key (${algorithm})`, async (t) => {
    const root = await temporaryFolder(t);
    const { path, manifest } = await smallBackup(root, algorithm, SEALED);
    for (const { path: name, bytes, sha256 } of manifest.files) {
      const stored = await readFile(join(path, name));
      assert.deepEqual(
        [stored.length, createHash("sha256").update(stored).digest("hex")],
        [bytes, sha256],
      );
      assert.ok(
        !stored.includes("patient") && !stored.subarray(0, 2).equals(Buffer.from([0x1f, 0x8b])),
      );
    }
    const [listed] = await listCatalog(root);
    assert.equal(listed?.state, "good", "listing needs no key");
    for (const level of ["quick", "full"] as const) {
      const { ok, problems } = await verifyBackup(path, level, { ...quiet(), place: SEALED });
      assert.ok(ok, JSON.stringify(problems));
    }
    const { collections } = await openBackup(path, SEALED);
    const named = new Map(collections.map((one) => [one.name, one]));
    assert.deepEqual(await contentOf(named.get("patients")?.dataFile), documents(0, 5));
    assert.deepEqual(await contentOf(named.get("operations")?.dataFile), documents(10, 2));
    for (const one of collections)
      assert.equal((await readMetadata(one))?.collectionName, one.name);
    for (const wrong of [ON_DISK, OTHER_KEY]) {
      const { collections: sealed } = await openBackup(path, wrong);
      for (const one of sealed) {
        await assert.rejects(contentOf(one.dataFile), { code: "damaged" });
        await assert.rejects(readMetadata(one), { code: "damaged" });
      }
      assert.ok(!(await verifyBackup(path, "full", { ...quiet(), place: wrong })).ok);
    }
  });

test("damage beneath a transform is found by both verifications, wherever it is", async (t) => {
  const root = await temporaryFolder(t);
  const { path, manifest } = await smallBackup(root, "gzip", SEALED);
  const context = { ...quiet(), place: SEALED };
  for (const { path: name } of manifest.files) {
    const file = join(path, name);
    const stored = await readFile(file);
    for (let at = 0; at < stored.length; at += 37) {
      const damaged = Buffer.from(stored);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      await writeFile(file, damaged);
      const { problems } = await verifyBackup(path, at % 2 === 0 ? "full" : "quick", context);
      assert.deepEqual(
        problems.map((one) => one.file),
        [name],
        `byte ${at}`,
      );
    }
    await writeFile(file, stored);
    await truncate(file, stored.length - 1);
    assert.ok(!(await verifyBackup(path, "full", context)).ok);
    await writeFile(file, stored);
  }
  assert.ok((await verifyBackup(path, "full", context)).ok);
});

test("plain backups and dumps of the stock tools beside a sealed backup are read as they are stored", async (t) => {
  const root = await temporaryFolder(t);
  const context = { ...quiet(), place: SEALED };
  const dump = join(root, "dump");
  await Promise.all(["sealed", "plain"].map((name) => mkdir(join(root, name))));
  const sealed = await smallBackup(join(root, "sealed"), "gzip", SEALED);
  assert.deepEqual(sealed.manifest.encryption, { method: "sealed-blocks" });
  const plain = await smallBackup(join(root, "plain"), "gzip");
  assert.equal(plain.manifest.encryption, null);
  await mkdir(join(dump, "surg"), { recursive: true });
  await writeFile(join(dump, "surg", "patients.bson"), documents(0, 5));
  await writeFile(join(dump, "surg", "patients.bson.gz"), gzipSync(documents(0, 5)));
  await writeFile(join(dump, "surg", "patients.metadata.json"), '{"options":{},"indexes":[],"collectionName":"patients"}'); // prettier-ignore
  await writeFile(join(dump, "oplog.bson"), "");
  const lone = join(dump, "surg", "patients.bson");
  for (const path of [sealed.path, plain.path, dump, lone]) {
    for (const level of ["quick", "full"] as const) {
      const { ok, problems } = await verifyBackup(path, level, context);
      assert.ok(ok, `${path} ${JSON.stringify(problems)}`);
    }
    const { collections, place } = await openBackup(path, SEALED);
    const patients = collections.find(({ name }) => name === "patients");
    assert.deepEqual(await contentOf(patients?.dataFile), documents(0, 5), path);
    assert.equal((await readMetadata({ metadataFile: patients?.metadataFile ?? null }))?.collectionName, "patients"); // prettier-ignore
    assert.equal(place.transform === null, path !== sealed.path, path);
  }
  const [damaged] = plain.manifest.files;
  assert.ok(damaged);
  await truncate(join(plain.path, damaged.path), damaged.bytes - 1);
  assert.ok(!(await verifyBackup(plain.path, "full", context)).ok);
});

/** The local disk, with the ranges that are read from it. */
function watched(): {
  readonly storage: Storage;
  readonly ranges: { at: number; bytes: number }[];
} {
  const ranges: { at: number; bytes: number }[] = [];
  const storage: Storage = {
    ...localDisk,
    async open(path, own) {
      const file = await localDisk.open(path, own);
      return {
        ...file,
        async read(buffer, offset, length, position) {
          const result = await file.read(buffer, offset, length, position);
          ranges.push({ at: position, bytes: result.bytesRead });
          return result;
        },
      };
    },
  };
  return { storage, ranges };
}

for (const algorithm of ALGORITHMS)
  test(`a range of a long file is read from the blocks that it lies in, through the chunks too (${algorithm})`, async (t) => {
    const path = join(await temporaryFolder(t), `f.bson${suffixOf(algorithm)}`);
    const { storage, ranges } = watched();
    const file = fileAt({ ...SEALED, storage }, path);
    // One document a chunk, longer than a block and not to be compressed.
    const chunks = [1, 2, 3, 4, 5, 6].map((n) => documentOf(randomBytes(100_000 * n)));
    const written = await openDataFile(file, "f", createEncoder({ algorithm, level: 1 }), 2);
    for (const chunk of chunks) await written.append(chunk);
    const { file: sum } = await written.close();
    assert.deepEqual(await contentOf(file), Buffer.concat(chunks));
    const sha256 = createHash("sha256");
    let seen = 0;
    const onStored = (bytes: Uint8Array) => {
      sha256.update(bytes);
      seen += bytes.length;
    };
    for await (const { raw } of readChunks(file, { width: 2, signal, onStored }))
      assert.ok(raw.length > 0);
    assert.deepEqual([seen, sha256.digest("hex")], [sum.bytes, sum.sha256]);
    const opened = await openArchived(file);
    const all = await readExactly(opened, 0, opened.bytes);
    for (const [at, length] of [
      [1_000_000, 10],
      [opened.bytes - 5, 5],
      [65_530, 12],
      [0, 1],
    ] as const) {
      ranges.length = 0;
      assert.deepEqual(await readExactly(opened, at, length), all.subarray(at, at + length));
      const read = ranges.reduce((sum, one) => sum + one.bytes, 0);
      assert.ok(read <= 2 * 65_552, `${read} bytes read for ${length}`);
    }
    await opened.close();
  });

/** A document with one field of that content. */
function documentOf(content: Buffer): Buffer {
  const head = Buffer.alloc(4 + 1 + 2 + 4 + 1);
  head.writeInt32LE(head.length + content.length + 1, 0);
  head[4] = 5;
  head.write("a\0", 5, "latin1");
  head.writeInt32LE(content.length, 7);
  return Buffer.concat([head, content, Buffer.alloc(1)]);
}
