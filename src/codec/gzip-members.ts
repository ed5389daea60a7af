// gzip files of one member a chunk. Each member carries its own total length in an FEXTRA subfield
// (RFC 1952, 2.3.1.1) with the ID "MK", so that a reader finds the next one without inflating.
import { promisify } from "node:util";
import { crc32, deflateRaw, deflateRawSync, inflateRaw, inflateRawSync } from "node:zlib";
import type { ZlibOptions } from "node:zlib";
import type { ChunkEncoder } from "./codec.ts";
import { asOverrun } from "./overrun.ts";

const deflate = promisify(deflateRaw);
// With `info`, zlib also tells how much of the input it used; its types do not know of it.
const inflate = promisify(inflateRaw) as unknown as (
  bytes: Uint8Array,
  options: ZlibOptions,
) => Promise<Inflated>;
const inflateAtOnce = inflateRawSync as unknown as (
  bytes: Uint8Array,
  options: ZlibOptions,
) => Inflated;

interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/** ID1 ID2 CM FLG MTIME(4) XFL OS, XLEN(2), then 'M' 'K' LEN(2) and the member's length (4). */
export const MEMBER_HEADER_BYTES = 20;
const TRAILER_BYTES = 8;
const DEFLATED = 8;
const FEXTRA = 4;
const UNKNOWN_OS = 255;

export function createGzipEncoder(level: number): ChunkEncoder {
  const encode = async (raw: Uint8Array) => member(raw, await compress(raw, level));
  return {
    encode,
    finish: async (written) => (written.length > 0 ? new Uint8Array(0) : await encode(EMPTY)),
  };
}

const EMPTY = new Uint8Array(0);

/** So short that the way to another thread and back takes longer than the work: thousands of small collections. */
export const SHORT_BYTES = 16 * 1024;

async function compress(raw: Uint8Array, level: number): Promise<Buffer> {
  if (raw.length <= SHORT_BYTES) return deflateRawSync(raw, { level, ...tablesFor(raw.length) });
  // The output comes in pieces of `chunkSize`: large ones save a hundred small allocations a chunk.
  const chunkSize = Math.max(1024, Math.min(1 << 20, raw.length));
  return await deflate(raw, { level, chunkSize });
}

/** Tables no larger than the input can use: zlib clears them all first. */
export function tablesFor(bytes: number): {
  readonly windowBits: number;
  readonly memLevel: number;
} {
  const bits = Math.ceil(Math.log2(Math.max(2, bytes)));
  return {
    windowBits: Math.max(9, Math.min(15, bits)),
    memLevel: Math.max(3, Math.min(8, bits - 6)),
  };
}

function member(raw: Uint8Array, deflated: Buffer): Uint8Array {
  const total = MEMBER_HEADER_BYTES + deflated.length + TRAILER_BYTES;
  const out = Buffer.allocUnsafe(total);
  out.set([0x1f, 0x8b, DEFLATED, FEXTRA, 0, 0, 0, 0, 0, UNKNOWN_OS], 0);
  out.writeUInt16LE(8, 10);
  out.write("MK", 12, "latin1");
  out.writeUInt16LE(4, 14);
  out.writeUInt32LE(total, 16);
  deflated.copy(out, MEMBER_HEADER_BYTES);
  out.writeUInt32LE(crc32(raw), total - 8);
  out.writeUInt32LE(raw.length, total - 4);
  return out;
}

/** The member's total length, or null where this is no member of ours. */
export function memberLength(header: Buffer): number | null {
  const ours =
    header.length >= MEMBER_HEADER_BYTES &&
    header.readUInt16BE(0) === 0x1f8b &&
    header[2] === DEFLATED &&
    header[3] === FEXTRA &&
    header.readUInt16LE(10) === 8 &&
    header.toString("latin1", 12, 14) === "MK" &&
    header.readUInt16LE(14) === 4;
  return ours ? header.readUInt32LE(16) : null;
}

/**
 * Inflates one whole member of ours and checks its length and checksum.
 * `mostBytes` caps what a hostile header may promise. @throws Error that says what is wrong
 */
export async function inflateMember(bytes: Buffer, mostBytes: number): Promise<Buffer> {
  const promised = bytes.readUInt32LE(bytes.length - 4);
  if (promised > mostBytes) throw new Error(`the member promises ${promised} bytes, too many`);
  const body = bytes.subarray(MEMBER_HEADER_BYTES, bytes.length - TRAILER_BYTES);
  const { buffer, engine } = await inflateBody(body, {
    chunkSize: Math.max(1024, promised + 64),
    maxOutputLength: Math.max(1, promised),
    info: true,
  }).catch((error: unknown) => {
    throw asOverrun(error, "the member holds more than it promises");
  });
  if (buffer.length !== promised || engine.bytesWritten !== body.length)
    throw new Error("the member's length is not what it promises");
  if (crc32(buffer) !== bytes.readUInt32LE(bytes.length - TRAILER_BYTES))
    throw new Error("the member fails its checksum");
  return buffer;
}

async function inflateBody(body: Buffer, options: ZlibOptions): Promise<Inflated> {
  const most = Math.max(body.length, options.maxOutputLength ?? Number.POSITIVE_INFINITY);
  return most <= SHORT_BYTES ? inflateAtOnce(body, options) : await inflate(body, options);
}
