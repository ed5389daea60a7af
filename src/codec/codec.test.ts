import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import type { ChunkSizes, CompressionAlgorithm } from "./codec.ts";
import { algorithmOf, createEncoder, suffixOf } from "./create.ts";
import { inflateMember, MEMBER_HEADER_BYTES, memberLength } from "./gzip-members.ts";
import { LEVELS } from "./levels.ts";
import { decompressFrame, parseSeekTable, seekTable, seekTableBytes } from "./zstd-frames.ts";

const folder = mkdtempSync(join(tmpdir(), "mongokeep-codec-"));
after(() => {
  rmSync(folder, { recursive: true });
});

const MOST = 1 << 20;
const chunk = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 3000 }),
  fc
    .tuple(fc.string({ minLength: 1 }), fc.integer({ min: 1, max: 5000 }))
    .map(([s, n]) => Buffer.from(s.repeat(n).slice(0, 100_000) || "x")),
);

async function encodeFile(
  algorithm: CompressionAlgorithm,
  chunks: readonly Uint8Array[],
  level: number | null = null,
) {
  const encoder = createEncoder({ algorithm, level });
  const stored = await Promise.all(chunks.map((raw) => encoder.encode(raw)));
  const written = stored.map((s, i): ChunkSizes => ({
    storedBytes: s.length,
    rawBytes: chunks[i]?.length ?? 0,
  }));
  return { stored, written, bytes: Buffer.concat([...stored, await encoder.finish(written)]) };
}

function decodeByCommand(algorithm: "gzip" | "zstd", bytes: Buffer): Buffer {
  const path = join(folder, `f${suffixOf(algorithm)}`);
  writeFileSync(path, bytes);
  const command = algorithm === "gzip" ? "gunzip" : "zstd";
  const args = algorithm === "gzip" ? ["-c", path] : ["-d", "-q", "-c", path];
  return execFileSync(command, args, { maxBuffer: 1 << 28 });
}

test("a gzip member comes back as the chunk that it was made of, and tells its own length", async () => {
  await fc.assert(
    fc.asyncProperty(chunk, async (raw) => {
      const { stored } = await encodeFile("gzip", [raw]);
      const member = Buffer.from(stored[0] ?? []);
      assert.equal(memberLength(member), member.length);
      assert.deepEqual(await inflateMember(member, MOST), Buffer.from(raw));
    }),
  );
});

test("every level gives the documents back, to the stock tools too (restic #4677, #4523)", async () => {
  const noise = randomBytes(300_000);
  const raw = Buffer.concat([Buffer.alloc(200_000, "surg"), noise, Buffer.alloc(100_000), noise]);
  for (const algorithm of ["gzip", "zstd"] as const) {
    const { min = 1, max = 0 } = LEVELS[algorithm] ?? {};
    for (let level = min; level <= max; level++) {
      const { stored, bytes } = await encodeFile(algorithm, [raw], level);
      const one = Buffer.from(stored[0] ?? []);
      const decode = algorithm === "gzip" ? inflateMember : decompressFrame;
      assert.ok(raw.equals(await decode(one, raw.length)), `${algorithm} ${level}`);
      assert.ok(raw.equals(decodeByCommand(algorithm, bytes)), `${algorithm} ${level}, stock`);
    }
  }
});

test("a zstd frame comes back as the chunk that it was made of, found by the seek table", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(chunk, { minLength: 1, maxLength: 5 }), async (chunks) => {
      const { bytes, written } = await encodeFile("zstd", chunks);
      const length = seekTableBytes(bytes.subarray(-9)) ?? 0;
      const frames = parseSeekTable(bytes.subarray(bytes.length - length), bytes.length);
      assert.deepEqual(frames, written);
      let at = 0;
      for (const [i, { storedBytes, rawBytes }] of frames.entries()) {
        const raw = await decompressFrame(bytes.subarray(at, at + storedBytes), rawBytes);
        assert.deepEqual(raw, Buffer.from(chunks[i] ?? []));
        at += storedBytes;
      }
    }),
    { numRuns: 40 },
  );
});

for (const algorithm of ["gzip", "zstd"] as const) {
  test(`the ${algorithm} command reads a file of many chunks byte for byte`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(chunk, { minLength: 1, maxLength: 6 }), async (chunks) => {
        const { bytes } = await encodeFile(algorithm, chunks);
        assert.deepEqual(decodeByCommand(algorithm, bytes), Buffer.concat(chunks));
      }),
      { numRuns: 12 },
    );
  });

  test(`the ${algorithm} command reads the file of an empty collection`, async () => {
    const { bytes } = await encodeFile(algorithm, []);
    assert.ok(bytes.length > 0);
    assert.equal(decodeByCommand(algorithm, bytes).length, 0);
  });
}

test("zstd frames carry their content size and a checksum, as zstd -l sees them", async () => {
  const raw = Buffer.alloc(3_000_000, "mongokeep ");
  const { bytes } = await encodeFile("zstd", [raw, raw.subarray(0, 1000)]);
  const path = join(folder, "l.zst");
  writeFileSync(path, bytes);
  const listing = execFileSync("zstd", ["-l", "-v", path]).toString();
  assert.match(listing, /Decompressed Size:.*\(3001000 B\)/);
  assert.match(listing, /Check: XXH64/);
});

test("any flipped bit of a member's body, checksum or length is found or gives the same bytes", async () => {
  const raw = Buffer.from("what a patient said ".repeat(20));
  const { stored } = await encodeFile("gzip", [raw]);
  const good = Buffer.from(stored[0] ?? []);
  for (let at = MEMBER_HEADER_BYTES; at < good.length; at++)
    for (let bit = 0; bit < 8; bit++) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ (1 << bit);
      // Deflate's last byte may have unused bits; the file's SHA-256 covers those.
      const got = await inflateMember(bad, MOST).catch(() => null);
      if (got !== null) assert.deepEqual(got, raw, `byte ${at} bit ${bit}`);
    }
});

test("any flipped bit of a frame is found or gives the same bytes", async () => {
  const raw = Buffer.from("what a patient said ".repeat(20));
  const { stored } = await encodeFile("zstd", [raw]);
  const good = Buffer.from(stored[0] ?? []);
  for (let at = 0; at < good.length; at++)
    for (let bit = 0; bit < 8; bit++) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ (1 << bit);
      const got = await decompressFrame(bad, raw.length).catch(() => null);
      if (got !== null) assert.deepEqual(got, raw, `byte ${at} bit ${bit}`);
    }
});

test("a member that promises 4 GiB is refused before anything is inflated", async () => {
  const { stored } = await encodeFile("gzip", [Buffer.from("x")]);
  const bad = Buffer.from(stored[0] ?? []);
  bad.writeUInt32LE(0xffffffff, bad.length - 4);
  await assert.rejects(inflateMember(bad, MOST), /promises 4294967295 bytes/);
});

test("a bomb that inflates beyond its promise is stopped there", async () => {
  const bomb = deflateRawSync(Buffer.alloc(300 << 20), { level: 9 });
  const member = Buffer.alloc(MEMBER_HEADER_BYTES + bomb.length + 8);
  bomb.copy(member, MEMBER_HEADER_BYTES);
  member.writeUInt32LE(10, member.length - 4);
  const before = process.memoryUsage().arrayBuffers;
  await assert.rejects(inflateMember(member, MOST), /more than it promises/);
  assert.ok(process.memoryUsage().arrayBuffers - before < 64 << 20);
  const { stored } = await encodeFile("zstd", [Buffer.alloc(100 << 20)]);
  await assert.rejects(decompressFrame(Buffer.from(stored[0] ?? []), 10), /more than/);
});

test("bytes after the end of the compressed data inside a member or frame are found", async () => {
  const { stored } = await encodeFile("gzip", [Buffer.from("x".repeat(50))]);
  const member = Buffer.from(stored[0] ?? []);
  const cut = member.length - 8;
  const padded = Buffer.concat([
    member.subarray(0, cut),
    Buffer.from("junk"),
    member.subarray(cut),
  ]);
  await assert.rejects(inflateMember(padded, MOST), /length/);
  const raw = Buffer.from("x".repeat(50));
  const frame = Buffer.from((await encodeFile("zstd", [raw])).stored[0] ?? []);
  await assert.rejects(decompressFrame(Buffer.concat([frame, Buffer.from("junk")]), raw.length));
  await assert.rejects(decompressFrame(Buffer.concat([frame, frame]), raw.length));
});

test("a seek table that does not add up to the file is refused", () => {
  const table = seekTable([{ storedBytes: 100, rawBytes: 10 }]);
  assert.equal(seekTableBytes(table.subarray(-9)), table.length);
  assert.equal(parseSeekTable(table, 100 + table.length).length, 1);
  assert.throws(() => parseSeekTable(table, 99 + table.length), /add up/);
  for (let at = 0; at < table.length; at++) {
    const bad = Buffer.from(table);
    bad[at] = (bad[at] ?? 0) ^ 1;
    const length = seekTableBytes(bad.subarray(-9));
    const isRawSize = at >= 12 && at < 16;
    if (length === table.length && !isRawSize)
      assert.throws(() => parseSeekTable(bad, 100 + table.length), `byte ${at}`);
  }
});

test("a seek table of frames that no file could hold is refused at its first", () => {
  const table = seekTable(Array.from({ length: 1_000 }, () => ({ storedBytes: 0, rawBytes: 1 })));
  assert.throws(() => parseSeekTable(table, table.length), /impossible length/);
});

test("no compression writes the documents as they are", async () => {
  const raw = Buffer.from("as it is");
  const { bytes } = await encodeFile("none", [raw]);
  assert.deepEqual(bytes, raw);
  assert.equal((await encodeFile("none", [])).bytes.length, 0);
});

test("a file's name tells its algorithm", () => {
  for (const algorithm of ["gzip", "zstd", "none"] as const)
    assert.equal(algorithmOf(`c.bson${suffixOf(algorithm)}`), algorithm);
});

test("what the encoder gives shares no memory with the chunk", async () => {
  for (const algorithm of ["gzip", "zstd"] as const) {
    const raw = Buffer.from("first".repeat(100));
    const { stored, bytes } = await encodeFile(algorithm, [raw]);
    raw.fill(0);
    assert.equal(Buffer.concat(stored).equals(bytes.subarray(0, stored[0]?.length)), true);
    assert.equal(decodeByCommand(algorithm, bytes).toString(), "first".repeat(100));
  }
  assert.ok(readFileSync(join(folder, "f.gz")).length > 0);
});
