import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { BSON } from "mongodb";
import { readOplogSpan } from "./mongodump-oplog.ts";
import { onDisk } from "../archive/place.ts";

const { signal } = new AbortController();
const entry = (i: number, op: string, ns: string) =>
  BSON.serialize({ ts: new BSON.Timestamp({ t: 1_700_000_000, i }), op, ns, o: { _id: i } });

async function spanOf(entries: readonly Uint8Array[], algorithm: "gzip" | "none" = "none") {
  const folder = await mkdtemp(join(tmpdir(), "mongokeep-test-"));
  try {
    const path = join(folder, "oplog.bson");
    const bytes = Buffer.concat(entries);
    await writeFile(path, algorithm === "gzip" ? gzipSync(bytes) : bytes);
    return await readOplogSpan(onDisk(path), algorithm, signal);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const at = (i: number) => ({ t: 1_700_000_000, i });

test("an oplog in which nothing happened to data has nothing to replay", async () => {
  const quiet = [
    entry(1, "i", "surg.a"),
    entry(2, "n", ""),
    entry(3, "u", "config.system.sessions"),
  ];
  assert.deepEqual(await spanOf(quiet), { from: at(1), to: at(3), replays: false });
});

test("a write after the first entry is to be replayed, also out of a compressed log", async () => {
  const busy = [entry(1, "i", "surg.a"), entry(5, "d", "surg.a")];
  assert.deepEqual(await spanOf(busy, "gzip"), { from: at(1), to: at(5), replays: true });
  const transaction = [entry(1, "n", ""), entry(2, "c", "admin.$cmd")];
  assert.equal((await spanOf(transaction)).replays, true);
});

test("an oplog without entries is damage: the first one is from before the dump", async () => {
  await assert.rejects(spanOf([]), /without entries/);
});
