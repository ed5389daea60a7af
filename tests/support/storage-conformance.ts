// What every storage must do, as a suite: an implementation calls it with a way to open itself. The contract in words
// is in src/storage/storage.ts.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { TestContext } from "node:test";
import { KeepError, toKeepError } from "../../src/errors.ts";
import { readExactly, readWhole } from "../../src/storage/ranges.ts";
import { refusalOf } from "../../src/storage/refusal.ts";
import type { Refusal } from "../../src/storage/refusal.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { makeFolders, writeNew } from "../../src/storage/whole.ts";

export interface Opened {
  readonly storage: Storage;
  /** An empty folder of its own, without a slash at the end. */
  readonly root: string;
}

export type OpenStorage = (t: TestContext) => Promise<Opened>;

const MIB = 1 << 20;
const LIMIT = 64 * MIB;

/** Registers the suite. `full` opens one with room for a megabyte; null where that cannot be had. */
export function storageConformance(
  name: string,
  open: OpenStorage,
  full: (t: TestContext) => Promise<Opened | null>,
): void {
  const conforms = (what: string, run: (opened: Opened, t: TestContext) => Promise<void>): void => {
    void test(`${name}: ${what}`, async (t) => {
      await run(await open(t), t);
    });
  };

  conforms("a folder lists its entries in the order of their names", async ({ storage, root }) => {
    for (const file of ["b", "a", "B", "é", "10", "9", "a.b"])
      await writeNew(storage, `${root}/${file}`, file);
    await storage.makeFolder(`${root}/folder`);
    await writeNew(storage, `${root}/folder/inner`, "");
    const listed = await storage.list(root);
    assert.deepEqual(
      listed.map(({ name: own, kind }) => `${own} ${kind}`),
      [
        ...[
          "10 file",
          "9 file",
          "B file",
          "a file",
          "a.b file",
          "b file",
          "folder folder",
          "é file",
        ],
      ],
    );
    assert.deepEqual(await storage.list(`${root}/folder`), [{ name: "inner", kind: "file" }]);
    await storage.remove(`${root}/folder/inner`);
    assert.deepEqual(await storage.list(`${root}/folder`), []);
  });

  conforms("what is missing is told as missing by every call", async ({ storage, root }) => {
    const none = `${root}/none`;
    assert.equal(await storage.stat(none), null);
    assert.equal(await storage.stat(`${none}/deeper`), null);
    await refuses("missing", () => storage.list(none));
    await refuses("missing", () => storage.resolve(none));
    await refuses("missing", () => storage.create(`${none}/file`));
    await refuses("missing", () => storage.makeFolder(`${none}/folder`));
    await refuses("missing", () => storage.rename(none, `${root}/other`));
    const error = await refuses("missing", () => storage.open(none));
    assert.equal(toKeepError(error).code, "damaged");
    assert.equal(toKeepError(error).message, "the file is missing");
  });

  conforms("a file is no folder, and a folder no file", async ({ storage, root }) => {
    await writeNew(storage, `${root}/file`, "text");
    await storage.makeFolder(`${root}/folder`);
    await refuses("not-a-folder", () => storage.list(`${root}/file`));
    assert.equal(await storage.stat(`${root}/file/below`), null);
    await assert.rejects(storage.open(`${root}/folder`), {
      code: "damaged",
      message: "it is not a plain file",
    });
    await assert.rejects(storage.replace(`${root}/folder`, "text"));
    assert.deepEqual(
      (await storage.list(root)).map((entry) => entry.name),
      ["file", "folder"],
    );
  });

  conforms("length, kind and content are what was written", async ({ storage, root }) => {
    const before = Date.now();
    for (const bytes of [0, 1, 65_535, 65_536, 65_537, 3 * MIB + 1]) {
      const path = `${root}/${bytes}`;
      const content = randomBytes(bytes);
      await writeNew(storage, path, content);
      const stat = await storage.stat(path);
      assert.deepEqual([stat?.kind, stat?.bytes], ["file", bytes]);
      // File systems keep times coarsely.
      assert.ok(Math.abs((stat?.changedMs ?? 0) - before) < 60_000);
      assert.deepEqual(await readWhole(storage, path, LIMIT), content);
      assert.equal(await storage.resolve(path), path);
    }
    await assert.rejects(readWhole(storage, `${root}/65536`, 65_535), /too long/);
    await writeNew(storage, `${root}/text`, "Größe");
    assert.equal((await readWhole(storage, `${root}/text`, LIMIT)).toString(), "Größe");
  });

  conforms("ranges are read in any order, and end with the file", async ({ storage, root }) => {
    for (const bytes of [1_000, 300_000]) {
      const path = `${root}/${bytes}`;
      const content = randomBytes(bytes);
      await writeNew(storage, path, content);
      const file = await storage.open(path);
      assert.equal(file.bytes, bytes);
      for (const [at, length] of [
        [bytes - 10, 10],
        [0, 7],
        [bytes / 2, 100],
        [0, bytes],
      ] as const)
        assert.deepEqual(await readExactly(file, at, length), content.subarray(at, at + length));
      const buffer = Buffer.alloc(64, 7);
      const last = await file.read(buffer, 4, 50, bytes - 10);
      assert.equal(last.bytesRead, 10, "fewer at the end");
      assert.deepEqual(
        buffer,
        Buffer.concat([Buffer.alloc(4, 7), content.subarray(-10), Buffer.alloc(50, 7)]),
      );
      for (const past of [bytes, bytes + 1, bytes * 10])
        assert.equal((await file.read(buffer, 0, 64, past)).bytesRead, 0, "none past it");
      await assert.rejects(readExactly(file, bytes - 5, 6), {
        code: "damaged",
        message: "the file is cut short",
      });
      const [one, two] = await Promise.all([
        readExactly(file, 0, 500),
        readExactly(file, 500, 500),
      ]);
      assert.deepEqual(Buffer.concat([one, two]), content.subarray(0, 1_000), "two reads at once");
      await file.close();
    }
  });

  conforms("a new file never takes the place of anything", async ({ storage, root }) => {
    await writeNew(storage, `${root}/file`, "old");
    await storage.makeFolder(`${root}/folder`);
    for (const taken of ["file", "folder"]) {
      await refuses("taken", () => storage.create(`${root}/${taken}`));
      await refuses("taken", () => storage.makeFolder(`${root}/${taken}`));
    }
    assert.equal((await readWhole(storage, `${root}/file`, LIMIT)).toString(), "old");
  });

  conforms("a file that is abandoned is not taken for a whole one", async ({ storage, root }) => {
    const file = await storage.create(`${root}/given-up`);
    await file.write(Buffer.alloc(1_000));
    await file.abandon();
    await file.abandon();
    await assert.rejects(file.write(Buffer.alloc(1)));
    assert.ok(((await storage.stat(`${root}/given-up`))?.bytes ?? 0) <= 1_000);
    const whole = await storage.create(`${root}/whole`);
    await whole.write(Buffer.from("a"));
    await whole.flush();
    await whole.write(Buffer.from("b"));
    await whole.close();
    await whole.abandon();
    assert.equal((await readWhole(storage, `${root}/whole`, LIMIT)).toString(), "ab");
  });

  conforms(
    "a replaced file is the old one or the new one at every moment",
    async ({ storage, root }) => {
      const path = `${root}/file`;
      const versions = [1, 2, 3, 4, 5].map((n) => Buffer.alloc(200_000 * n, n));
      await storage.replace(path, Buffer.alloc(200_000, 1));
      const writing = { done: false };
      const reading = (async () => {
        const lengths = new Set<number>();
        while (!writing.done) {
          await setImmediate();
          const seen = await readWhole(storage, path, LIMIT);
          assert.ok(seen.every((byte) => byte === seen[0]));
          assert.equal(seen.length, 200_000 * (seen[0] ?? 0));
          lengths.add(seen.length);
        }
        return lengths.size;
      })();
      try {
        for (const version of versions) await storage.replace(path, version);
      } finally {
        writing.done = true;
      }
      assert.ok((await reading) > 0);
      assert.equal((await readWhole(storage, path, LIMIT)).length, 1_000_000);
      assert.deepEqual(
        (await storage.list(root)).map((entry) => entry.name),
        ["file"],
        "nothing is left beside it",
      );
    },
  );

  conforms(
    "a rename moves files and whole folders, and replaces nothing",
    async ({ storage, root }) => {
      await makeFolders(storage, `${root}/a/b`);
      await writeNew(storage, `${root}/a/b/file`, "text");
      await storage.rename(`${root}/a`, `${root}/c`);
      assert.equal(await storage.stat(`${root}/a`), null);
      assert.equal((await readWhole(storage, `${root}/c/b/file`, LIMIT)).toString(), "text");
      await storage.rename(`${root}/c/b/file`, `${root}/file`);
      await writeNew(storage, `${root}/other`, "other");
      await storage.makeFolder(`${root}/empty`);
      for (const taken of ["other", "empty", "c"])
        await refuses("taken", () => storage.rename(`${root}/file`, `${root}/${taken}`));
      await refuses("taken", () => storage.rename(`${root}/c`, `${root}/empty`));
      assert.equal((await readWhole(storage, `${root}/other`, LIMIT)).toString(), "other");
      assert.equal((await readWhole(storage, `${root}/file`, LIMIT)).toString(), "text");
    },
  );

  conforms(
    "removing twice is as good as once, and takes folders whole",
    async ({ storage, root }) => {
      await makeFolders(storage, `${root}/a/b/c`);
      await makeFolders(storage, `${root}/a/b/c`);
      await writeNew(storage, `${root}/a/b/c/file`, "text");
      await writeNew(storage, `${root}/stays`, "text");
      for (let n = 0; n < 2; n++) await storage.remove(`${root}/a`);
      await storage.remove(`${root}/none/deeper`);
      await storage.flushFolder(root);
      assert.deepEqual(
        (await storage.list(root)).map((entry) => entry.name),
        ["stays"],
      );
    },
  );

  conforms("an abort ends reads and writes with its reason", async ({ storage, root }) => {
    for (const bytes of [10, 300_000]) {
      const path = `${root}/${bytes}`;
      await writeNew(storage, path, randomBytes(bytes));
      const reason = new KeepError("interrupted", "stop");
      await assert.rejects(storage.open(path, AbortSignal.abort(reason)), reason);
      const stop = new AbortController();
      const file = await storage.open(path, stop.signal);
      await readExactly(file, 0, 10);
      stop.abort(reason);
      await assert.rejects(readExactly(file, 0, 10), reason);
      await file.close();
      await assert.rejects(storage.create(`${path}.new`, AbortSignal.abort(reason)), reason);
      assert.equal(await storage.stat(`${path}.new`), null);
      const halfway = new AbortController();
      const written = await storage.create(`${path}.new`, halfway.signal);
      await written.write(Buffer.alloc(10));
      halfway.abort(reason);
      await assert.rejects(written.write(Buffer.alloc(10)), reason);
      await written.abandon();
    }
  });

  conforms("a long file streams through with flat memory", async ({ storage, root }) => {
    const block = randomBytes(MIB);
    const used = () => process.memoryUsage().rss;
    const before = used();
    let most = 0;
    const file = await storage.create(`${root}/long`);
    for (let n = 0; n < 192; n++) {
      await file.write(block);
      most = Math.max(most, used() - before);
    }
    await file.close();
    const opened = await storage.open(`${root}/long`);
    const buffer = Buffer.allocUnsafe(MIB);
    for (let at = 0; at < opened.bytes; at += MIB) {
      assert.equal((await opened.read(buffer, 0, MIB, at)).bytesRead, MIB);
      most = Math.max(most, used() - before);
    }
    await opened.close();
    assert.deepEqual(buffer, block);
    assert.ok(most < 96 * MIB, `${most >> 20} MiB more memory for a file of 192 MiB`);
  });

  test(`${name}: a full storage says so, and what was whole stays whole`, async (t) => {
    const opened = await full(t);
    if (opened === null) return;
    const { storage, root } = opened;
    await storage.replace(`${root}/kept`, "kept");
    const error = await refuses("full", () =>
      writeNew(storage, `${root}/big`, Buffer.alloc(4 * MIB, 1)),
    );
    assert.equal(toKeepError(error).code, "disk-full");
    await storage.remove(`${root}/big`);
    await refuses("full", () => storage.replace(`${root}/kept`, Buffer.alloc(4 * MIB, 1)));
    assert.equal((await readWhole(storage, `${root}/kept`, LIMIT)).toString(), "kept");
    assert.deepEqual(
      (await storage.list(root)).map((entry) => entry.name),
      ["kept"],
    );
    await writeNew(storage, `${root}/after`, Buffer.alloc(MIB / 4));
  });
}

/** Rejects for that reason, in words that no person takes for a fault of mongokeep. */
async function refuses(refusal: Refusal, act: () => Promise<unknown>): Promise<unknown> {
  const error: unknown = await act().then(
    () => assert.fail(`it should be refused as ${refusal}`),
    (thrown: unknown) => thrown,
  );
  assert.equal(refusalOf(error), refusal, String(error));
  assert.notEqual(toKeepError(error).code, "internal");
  return error;
}
