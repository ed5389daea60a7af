// A reader written from docs/format.md alone. It shares no code with src/, so that a mistake made on both
// sides of the format, or a page that no longer says what is written, does not pass.
import { createHash } from "node:crypto";
import { crc32, inflateRawSync, zstdDecompressSync } from "node:zlib";

/** "Data files": the chunks of a file, by its ending. */
export function chunksOf(path: string, file: Buffer): Buffer[] {
  if (path.endsWith(".gz")) return gzipChunks(file);
  if (path.endsWith(".zst")) return zstdChunks(file);
  return file.length > 0 ? [file] : [];
}

function gzipChunks(file: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < file.length;) {
    // The header's table, row by row, all but the length.
    const fixed = Buffer.from("1f8b08040000000000ff08004d4b0400", "hex");
    if (!file.subarray(at, at + 16).equals(fixed)) throw new Error(`no header at ${at}`);
    const member = file.subarray(at, at + file.readUInt32LE(at + 16));
    const chunk = inflateRawSync(member.subarray(20, -8));
    if (crc32(chunk) !== member.readUInt32LE(member.length - 8)) throw new Error("wrong CRC-32");
    if (chunk.length !== member.readUInt32LE(member.length - 4)) throw new Error("wrong length");
    chunks.push(chunk);
    at += member.length;
  }
  return chunks;
}

function zstdChunks(file: Buffer): Buffer[] {
  const end = file.length;
  if (file.toString("hex", end - 4) !== "b1ea928f" || file[end - 5] !== 0)
    throw new Error("no seek table");
  const frames = file.readUInt32LE(end - 9);
  const table = end - (8 + 8 * frames + 9);
  if (file.toString("hex", table, table + 4) !== "5e2a4d18") throw new Error("no skippable frame");
  if (file.readUInt32LE(table + 4) !== 8 * frames + 9) throw new Error("a table of a wrong length");
  const chunks: Buffer[] = [];
  let at = 0;
  for (let i = 0; i < frames; i++) {
    const stored = file.readUInt32LE(table + 8 + 8 * i);
    const chunk = zstdDecompressSync(file.subarray(at, at + stored));
    if (chunk.length !== file.readUInt32LE(table + 12 + 8 * i)) throw new Error("wrong length");
    chunks.push(chunk);
    at += stored;
  }
  if (at !== table) throw new Error("the frames do not end where the table begins");
  return chunks;
}

export function documentsOf(bytes: Buffer): Buffer[] {
  const documents: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readInt32LE(at))
    documents.push(bytes.subarray(at, at + bytes.readInt32LE(at)));
  return documents;
}

/** "manifest.json": the SHA-256 of the text before its last field. */
export function sealOf(manifest: string): string {
  const body = manifest.replace(/,\n {2}"sha256": "[0-9a-f]{64}"\n\}\n$/, "");
  return createHash("sha256").update(body).digest("hex");
}

/** "contentHash": two seeded xxHash64 a document, each summed over all modulo 2⁶⁴. */
export function contentHashOf(documents: readonly Buffer[]): string {
  return [0x6d6f6e676f6b6565n, 0x70636f6e74656e74n]
    .map((seed) => documents.reduce((sum, document) => wrap(sum + xxh64(document, seed)), 0n))
    .map((sum) => sum.toString(16).padStart(16, "0"))
    .join("");
}

const wrap = (n: bigint) => BigInt.asUintN(64, n);
const rotate = (n: bigint, by: bigint) => wrap((n << by) | (n >> (64n - by)));
const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;
const round = (lane: bigint, input: bigint) => wrap(rotate(wrap(lane + input * P2), 31n) * P1);

/** https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md, plainly. */
export function xxh64(b: Buffer, seed: bigint): bigint {
  let at = 0;
  let hash = wrap(seed + P5);
  if (b.length >= 32) {
    const lanes = [wrap(seed + P1 + P2), wrap(seed + P2), seed, wrap(seed - P1)];
    for (; at + 32 <= b.length; at += 32)
      for (const [i, lane] of lanes.entries())
        lanes[i] = round(lane, b.readBigUInt64LE(at + 8 * i));
    const [one = 0n, two = 0n, three = 0n, four = 0n] = lanes;
    hash = wrap(rotate(one, 1n) + rotate(two, 7n) + rotate(three, 12n) + rotate(four, 18n));
    for (const lane of lanes) hash = wrap((hash ^ round(0n, lane)) * P1 + P4);
  }
  hash = wrap(hash + BigInt(b.length));
  for (; at + 8 <= b.length; at += 8)
    hash = wrap(rotate(hash ^ round(0n, b.readBigUInt64LE(at)), 27n) * P1 + P4);
  if (at + 4 <= b.length) {
    hash = wrap(rotate(hash ^ wrap(BigInt(b.readUInt32LE(at)) * P1), 23n) * P2 + P3);
    at += 4;
  }
  for (; at < b.length; at++) hash = wrap(rotate(hash ^ wrap(BigInt(b[at] ?? 0) * P5), 11n) * P1);
  hash = wrap((hash ^ (hash >> 33n)) * P2);
  hash = wrap((hash ^ (hash >> 29n)) * P3);
  return hash ^ (hash >> 32n);
}
