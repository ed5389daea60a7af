// zstd files of one frame a chunk, ended by the seek table of the zstd seekable format
// (facebook/zstd, contrib/seekable_format/zstd_seekable_compression_format.md): a skippable frame that
// `zstd -d` ignores.
// Trap (Node 24.21): decompressing a buffer of several frames stops silently after the first. Always
// frame by frame, and the length compared with what header and table promise.
import { promisify } from "node:util";
import { constants, zstdCompress, zstdDecompress } from "node:zlib";
import type { ZstdOptions } from "node:zlib";
import type { ChunkEncoder, ChunkSizes } from "./codec.ts";
import { asOverrun } from "./overrun.ts";

const compress = promisify(zstdCompress) as (
  bytes: Uint8Array,
  options: ZstdOptions & { pledgedSrcSize: number },
) => Promise<Buffer>;
// With `info`, Node also tells how much of the input was used; its types do not know of it.
const decompress = promisify(zstdDecompress) as unknown as (
  bytes: Uint8Array,
  options: ZstdOptions,
) => Promise<{ buffer: Buffer; engine: { bytesWritten: number } }>;

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a5e;
const SEEKABLE_MAGIC = 0x8f92eab1;
const FOOTER_BYTES = 9;
const ENTRY_BYTES = 8;
const SKIPPABLE_HEADER_BYTES = 8;
/** Magic number, header and one block: a table of more frames than the file can hold would only fill memory. */
const SHORTEST_FRAME = 9;

export function createZstdEncoder(level: number): ChunkEncoder {
  const encode = (raw: Uint8Array) =>
    compress(raw, {
      chunkSize: Math.max(1024, Math.min(1 << 20, raw.length)),
      // Without it Node compresses as a stream, and the frame would not tell its content's size.
      pledgedSrcSize: raw.length,
      params: {
        [constants.ZSTD_c_compressionLevel]: level,
        [constants.ZSTD_c_checksumFlag]: 1,
        [constants.ZSTD_c_contentSizeFlag]: 1,
      },
    });
  return {
    encode,
    finish: async (written) => {
      if (written.length > 0) return seekTable(written);
      const empty = await encode(new Uint8Array(0));
      return Buffer.concat([empty, seekTable([{ storedBytes: empty.length, rawBytes: 0 }])]);
    },
  };
}

/** The seek table without checksums: the frames carry their own. */
export function seekTable(frames: readonly ChunkSizes[]): Buffer {
  const table = Buffer.alloc(SKIPPABLE_HEADER_BYTES + frames.length * ENTRY_BYTES + FOOTER_BYTES);
  table.writeUInt32LE(SKIPPABLE_MAGIC, 0);
  table.writeUInt32LE(table.length - SKIPPABLE_HEADER_BYTES, 4);
  frames.forEach(({ storedBytes, rawBytes }, i) => {
    table.writeUInt32LE(storedBytes, SKIPPABLE_HEADER_BYTES + i * ENTRY_BYTES);
    table.writeUInt32LE(rawBytes, SKIPPABLE_HEADER_BYTES + i * ENTRY_BYTES + 4);
  });
  table.writeUInt32LE(frames.length, table.length - FOOTER_BYTES);
  table.writeUInt32LE(SEEKABLE_MAGIC, table.length - 4);
  return table;
}

/** The length of the seek table that ends a file, or null where the file has none. `tail`: its last 9 bytes. */
export function seekTableBytes(tail: Buffer): number | null {
  if (tail.length < FOOTER_BYTES || tail.readUInt32LE(tail.length - 4) !== SEEKABLE_MAGIC)
    return null;
  if (tail[tail.length - 5] !== 0) return null;
  const frames = tail.readUInt32LE(tail.length - FOOTER_BYTES);
  return SKIPPABLE_HEADER_BYTES + frames * ENTRY_BYTES + FOOTER_BYTES;
}

/** @throws Error for a table whose parts do not agree with each other or with the file's length */
export function parseSeekTable(table: Buffer, fileBytes: number): ChunkSizes[] {
  const size = table.length - SKIPPABLE_HEADER_BYTES;
  if (table.readUInt32LE(0) !== SKIPPABLE_MAGIC || table.readUInt32LE(4) !== size)
    throw new Error("the seek table has a wrong header");
  const frames: ChunkSizes[] = [];
  let stored = table.length;
  for (let at = SKIPPABLE_HEADER_BYTES; at < table.length - FOOTER_BYTES; at += ENTRY_BYTES) {
    const frame = { storedBytes: table.readUInt32LE(at), rawBytes: table.readUInt32LE(at + 4) };
    if (frame.storedBytes < SHORTEST_FRAME)
      throw new Error("the seek table has a frame of an impossible length");
    stored += frame.storedBytes;
    frames.push(frame);
  }
  if (stored !== fileBytes) throw new Error("the seek table does not add up to the file's length");
  return frames;
}

/** Decompresses exactly one frame. @throws Error that says what is wrong */
export async function decompressFrame(frame: Buffer, rawBytes: number): Promise<Buffer> {
  if (frame.length < 4 || frame.readUInt32LE(0) !== FRAME_MAGIC)
    throw new Error("no zstd frame begins here");
  const { buffer, engine } = await decompress(frame, {
    chunkSize: Math.max(1024, rawBytes + 64),
    maxOutputLength: Math.max(1, rawBytes),
    info: true,
  }).catch((error: unknown) => {
    throw asOverrun(error, "the frame holds more than the table promises");
  });
  if (buffer.length !== rawBytes)
    throw new Error("the frame's length is not what the table promises");
  if (engine.bytesWritten !== frame.length) throw new Error("more follows behind the frame's end");
  return buffer;
}
