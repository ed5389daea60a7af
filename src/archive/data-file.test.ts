import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { gunzipSync } from "node:zlib";
import { smallDisk } from "../../tests/support/small-disk.ts";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import type { ChunkEncoder } from "../codec/codec.ts";
import { createEncoder } from "../codec/create.ts";
import { KeepError } from "../errors.ts";
import { sha256Of } from "../util/sha256.ts";
import { openDataFile, writeError } from "./data-file.ts";
import { onDisk } from "./place.ts";

const gzip = createEncoder({ algorithm: "gzip", level: 1 });
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The first chunks take longest: without care the last would be written first. */
function slowestFirst(): ChunkEncoder {
  let wait = 20;
  return {
    encode: async (raw) => {
      await later((wait -= 2));
      return raw;
    },
    finish: () => Promise.resolve(new Uint8Array(0)),
  };
}

function failingAt(failing: number, reason: Error): ChunkEncoder {
  let calls = 0;
  return {
    encode: async (raw) => {
      const call = calls++;
      // The failing one is ready before its turn: nobody waits for it yet.
      await later(call === failing ? 0 : 10);
      if (call === failing) throw reason;
      return raw;
    },
    finish: () => Promise.resolve(new Uint8Array(0)),
  };
}

test("chunks stand in the order of the calls, however long each takes to encode", async (t) => {
  const path = join(await temporaryFolder(t), "f");
  const file = await openDataFile(onDisk(path), "db/f", slowestFirst(), 4);
  for (let i = 0; i < 9; i++) await file.append(Buffer.from([i]));
  const written = await file.close();
  assert.deepEqual(await readFile(path), Buffer.from([0, 1, 2, 3, 4, 5, 6, 7, 8]));
  assert.deepEqual([written.rawBytes, written.storedBytes, written.file.path], [9, 9, "db/f"]);
});

test("size and checksum are those of the file on disk, and gunzip gives the chunks back", async (t) => {
  const path = join(await temporaryFolder(t), "f.gz");
  const file = await openDataFile(onDisk(path), "f.gz", gzip, 3);
  const chunks = Array.from({ length: 7 }, (_, i) => randomBytes(1000 * (i + 1)));
  for (const chunk of chunks) await file.append(chunk);
  const { file: told, rawBytes } = await file.close();
  const bytes = await readFile(path);
  assert.deepEqual([told.bytes, told.sha256], [bytes.length, sha256Of(bytes)]);
  assert.equal(rawBytes, 28_000);
  assert.deepEqual(gunzipSync(bytes), Buffer.concat(chunks));
});

test("a data file is for its owner alone, whatever the umask", async (t) => {
  const folder = await temporaryFolder(t);
  for (const mask of [0, 0o22, 0o777]) {
    const before = process.umask(mask);
    try {
      const path = join(folder, `f${mask}`);
      await (await openDataFile(onDisk(path), "f", gzip, 1)).close();
      assert.equal((await stat(path)).mode & 0o777, 0o600);
    } finally {
      process.umask(before);
    }
  }
});

test("each chunk is released exactly once, after success and after every kind of failure", async (t) => {
  const folder = await temporaryFolder(t);
  for (const failing of [-1, 0, 1, 2, 5]) {
    const released = new Map<number, number>();
    const file = await openDataFile(
      onDisk(join(folder, `f${failing}`)),
      "f",
      failingAt(failing, new Error("no")),
      3,
    );
    const outcomes: string[] = [];
    for (let i = 0; i < 8; i++) {
      const release = () => released.set(i, (released.get(i) ?? 0) + 1);
      await file.append(Buffer.from("abc"), release).then(
        () => outcomes.push("taken"),
        () => outcomes.push("refused"),
      );
    }
    if (failing === -1) await file.close();
    else await assert.rejects(file.close(), /no/);
    await file.abort();
    assert.deepEqual([...released.values()], Array<number>(8).fill(1), `failing at ${failing}`);
    assert.equal(outcomes.includes("refused"), failing >= 0 && failing < 5);
  }
});

test("no chunk is written behind one that failed", async (t) => {
  const path = join(await temporaryFolder(t), "f");
  const file = await openDataFile(onDisk(path), "f", failingAt(1, new Error("no")), 8);
  for (const text of ["first", "failing", "third"]) await file.append(Buffer.from(text));
  await assert.rejects(file.close());
  await file.abort();
  assert.equal(await readFile(path, "utf8"), "first");
});

test("a chunk without documents leaves no trace in a zstd file", async (t) => {
  const path = join(await temporaryFolder(t), "f.zst");
  const zstd = createEncoder({ algorithm: "zstd", level: 1 });
  const file = await openDataFile(onDisk(path), "f.zst", zstd, 2);
  let released = 0;
  await file.append(new Uint8Array(0), () => released++);
  await file.close();
  assert.equal(released, 1);
  assert.equal((await readFile(path)).readUInt32LE(0), 0xfd2fb528);
});

test("a file that is there already is never overwritten", async (t) => {
  const path = join(await temporaryFolder(t), "f");
  await (await openDataFile(onDisk(path), "f", gzip, 1)).close();
  await assert.rejects(openDataFile(onDisk(path), "f", gzip, 1), { code: "EEXIST" });
});

test("a full disk is told as such, every chunk is released, and the file can be given up", async (t) => {
  const folder = await smallDisk(t);
  if (folder === null) return;
  const file = await openDataFile(onDisk(join(folder, "f")), "db/f", gzip, 2);
  let appended = 0;
  let released = 0;
  const fill = async () => {
    for (; appended < 100;) {
      appended++;
      await file.append(randomBytes(100_000), () => released++);
    }
  };
  await assert.rejects(fill(), { code: "disk-full", message: /db\/f/ });
  await file.abort();
  await file.abort();
  assert.equal(released, appended);
});

test("other failures keep their name", () => {
  const error = Object.assign(new Error("x"), { code: "EIO" });
  assert.equal(writeError("f", error), error);
  for (const code of ["ENOSPC", "EDQUOT"])
    assert.equal(
      (writeError("f", Object.assign(new Error("x"), { code })) as KeepError).code,
      "disk-full",
    );
});

/** All files opened from now on tell how they are flushed, and fail as they are told to. */
function watchFlushes(t: TestContext, fail: (n: number) => Error | null = () => null) {
  const seen = { datasyncs: 0, syncs: 0, atOnce: 0, most: 0, flushes: () => seen.datasyncs };
  const datasync = t.mock.method(fs, "fdatasync", (_: number, done: fs.NoParamCallback) => {
    const n = ++seen.datasyncs;
    seen.most = Math.max(seen.most, ++seen.atOnce);
    setTimeout(() => {
      seen.atOnce--;
      done(fail(n));
    }, 20);
  });
  const sync = t.mock.method(fs, "fsync", (_: number, done: fs.NoParamCallback) => {
    seen.syncs++;
    done(null);
  });
  t.after(() => {
    datasync.mock.restore();
    sync.mock.restore();
  });
  return seen;
}

const plain = createEncoder({ algorithm: "none", level: null });
const MB = 1024 * 1024;

test("a file is flushed at every 8 MB while it grows, one flush at a time, and at its end", async (t) => {
  const path = join(await temporaryFolder(t), "f");
  const seen = watchFlushes(t);
  const file = await openDataFile(onDisk(path), "f", plain, 1);
  const written = async (bytes: number) => {
    await file.append(Buffer.alloc(bytes));
    // The next one waits until this one is written.
    await file.append(Buffer.alloc(1));
    await file.append(Buffer.alloc(1));
  };
  await written(8 * MB - 4);
  assert.equal(seen.flushes(), 0, "less than 8 MB wait");
  await file.append(Buffer.alloc(2));
  await file.append(Buffer.alloc(1));
  assert.equal(seen.flushes(), 1, "8 MB do not");
  for (let n = 0; n < 3; n++) await written(8 * MB);
  await later(40);
  await written(8 * MB);
  await later(40);
  assert.ok(seen.flushes() >= 3, `${seen.flushes()} flushes`);
  assert.equal(seen.syncs, 0);
  const { storedBytes } = await file.close();
  assert.equal((await stat(path)).size, storedBytes);
  assert.deepEqual([seen.syncs, seen.most, seen.atOnce], [1, 1, 0]);
});

test("a flush that failed while the file grew fails it, at the next chunk and at its end", async (t) => {
  const folder = await temporaryFolder(t);
  const gone = Object.assign(new Error("EIO"), { code: "EIO" });
  watchFlushes(t, (n) => (n % 2 === 1 ? gone : null));
  const early = await openDataFile(onDisk(join(folder, "early")), "f", plain, 1);
  await early.append(Buffer.alloc(9 * MB));
  await early.append(Buffer.alloc(1));
  await later(60);
  await assert.rejects(early.append(Buffer.alloc(1)), gone);
  await assert.rejects(early.close(), gone);
  await early.abort();
  watchFlushes(t, () => Object.assign(new Error("full"), { code: "ENOSPC" }));
  const late = await openDataFile(onDisk(join(folder, "late")), "db/late", plain, 1);
  await late.append(Buffer.alloc(9 * MB));
  await assert.rejects(late.close(), { code: "disk-full", message: /db\/late/ });
  await late.abort();
});

test("no more chunks are compressed at once than there are slots, and each is waited for", async (t) => {
  for (const slots of [1, 3]) {
    let running = 0;
    let most = 0;
    const encoder: ChunkEncoder = {
      encode: async (raw) => {
        most = Math.max(most, ++running);
        await later(5);
        running--;
        return raw;
      },
      finish: () => Promise.resolve(new Uint8Array(0)),
    };
    const path = join(await temporaryFolder(t), "f");
    const file = await openDataFile(onDisk(path), "f", encoder, slots);
    for (let n = 0; n < 10; n++) await file.append(Buffer.from([n]));
    await file.close();
    assert.equal(most, slots);
  }
});

test("what is given up writes nothing more, and no file stays open however it ended", async (t) => {
  const folder = await temporaryFolder(t);
  const before = (await readdir("/proc/self/fd")).length;
  const given = await openDataFile(onDisk(join(folder, "given")), "f", slowestFirst(), 4);
  for (let i = 0; i < 4; i++) await given.append(Buffer.from("abc"));
  await given.abort();
  assert.equal((await stat(join(folder, "given"))).size, 0);
  await assert.rejects(given.append(Buffer.from("abc")), /f was given up/);
  const failing: ChunkEncoder = {
    encode: (raw) => Promise.resolve(raw),
    finish: () => Promise.reject(new Error("no end")),
  };
  const ended = await openDataFile(onDisk(join(folder, "ended")), "f", failing, 1);
  await ended.append(Buffer.from("abc"));
  await assert.rejects(ended.close(), /no end/);
  await ended.abort();
  const inNoFolder = onDisk(join(folder, "none", "f"));
  await assert.rejects(openDataFile(inNoFolder, "f", gzip, 1), { code: "ENOENT" });
  assert.equal((await readdir("/proc/self/fd")).length, before);
});
