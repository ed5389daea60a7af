import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { BSON } from "mongodb";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import type { KeepError } from "../errors.ts";
import { localDisk } from "../storage/local-disk.ts";
import type { Storage } from "../storage/storage.ts";
import { openBackup } from "./reader.ts";

const DOCUMENTS = Buffer.concat([1, 2, 3].map((_id) => BSON.serialize({ _id, text: "t".repeat(90) }))); // prettier-ignore
const METADATA = Buffer.from(
  '{"options":{},"indexes":[],"collectionName":"a","type":"collection"}',
);

/** What a mongodump that died leaves: the last block was not written. */
const cut = (bytes: Buffer) => bytes.subarray(0, bytes.length - 10);

interface Twins {
  readonly plain: string;
  readonly gzip: string;
  readonly content: Buffer;
}

const TWINS: readonly Twins[] = [
  { plain: "surg/a.bson", gzip: "surg/a.bson.gz", content: DOCUMENTS },
  { plain: "surg/a.metadata.json", gzip: "surg/a.metadata.json.gz", content: METADATA },
  { plain: "oplog.bson", gzip: "oplog.bson.gz", content: DOCUMENTS },
];

async function dumpOf(folder: string, files: Readonly<Record<string, Buffer>>): Promise<string> {
  for (const [name, bytes] of Object.entries({ "surg/a.bson": DOCUMENTS, ...files })) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
  return folder;
}

async function refusalOf(folder: string): Promise<KeepError> {
  return await openBackup(folder).then(
    () => assert.fail("it was opened"),
    (error: unknown) => error as KeepError,
  );
}

const short = (name: string) => JSON.stringify(name.replace("surg/", ""));

test("of two files for the same, the one that is damaged is named, and the whole one kept", async (t) => {
  const root = await temporaryFolder(t);
  for (const [n, { plain, gzip, content }] of TWINS.entries()) {
    const whole = { [plain]: content, [gzip]: gzipSync(content) };
    const cases = [
      { bad: gzip, good: plain, bytes: cut(gzipSync(content)) },
      // Text that is cut is still text: only data shows it.
      ...(content === METADATA ? [] : [{ bad: plain, good: gzip, bytes: cut(content) }]),
    ];
    for (const { bad, good, bytes } of cases) {
      const folder = join(root, `${n}-${bad === gzip ? "gzip" : "plain"}`);
      const error = await refusalOf(await dumpOf(folder, { ...whole, [bad]: bytes }));
      assert.equal(error.code, "damaged");
      assert.equal(error.details.file, bad);
      assert.ok(error.message.startsWith(`${bad}: `), error.message);
      assert.ok(error.message.includes(short(good)), error.message);
      assert.ok(error.hint.startsWith(`Take ${short(bad)} out of the folder`), error.hint);
    }
  }
});

test("of two files for the same that are both damaged, neither is said to be whole", async (t) => {
  const root = await temporaryFolder(t);
  for (const [n, { plain, gzip, content }] of TWINS.entries()) {
    if (content === METADATA) continue;
    const files = { [plain]: cut(content), [gzip]: cut(gzipSync(content)) };
    const { message, hint, details } = await refusalOf(await dumpOf(join(root, `${n}`), files));
    assert.equal(details.file, plain);
    assert.ok(message.includes(`and so is ${short(gzip)}`), message);
    assert.match(hint, /Neither can be read to its end/);
  }
});

test("the comparison of two files ends with the job", async (t) => {
  const root = await temporaryFolder(t);
  for (const [n, { plain, gzip, content }] of TWINS.entries()) {
    if (content === METADATA) continue;
    const path = await dumpOf(join(root, `${n}`), { [plain]: content, [gzip]: gzipSync(content) });
    const job = new AbortController();
    // It is stopped as soon as the file's documents are read.
    const storage: Storage = {
      ...localDisk,
      async open(file, signal) {
        const opened = await localDisk.open(file, signal);
        if (!file.endsWith(plain)) return opened;
        return {
          ...opened,
          async read(...range) {
            if (range[2] > 3) job.abort(new Error("stopped"));
            return await opened.read(...range);
          },
        };
      },
    };
    const opening = openBackup(path, { storage, transform: null }, job.signal);
    await assert.rejects(opening, { message: "stopped" });
  }
});
