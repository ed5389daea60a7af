// The encoder for a compression, and the suffix that its files carry.
import type { ChunkEncoder, Compression, CompressionAlgorithm } from "./codec.ts";
import { createGzipEncoder } from "./gzip-members.ts";
import { effectiveLevel } from "./levels.ts";
import { createZstdEncoder } from "./zstd-frames.ts";

export type Suffix = ".gz" | ".zst" | "";
const SUFFIXES = { gzip: ".gz", zstd: ".zst", none: "" } as const;

export function suffixOf(algorithm: CompressionAlgorithm): Suffix {
  return SUFFIXES[algorithm];
}

/** The algorithm that a file's name tells. */
export function algorithmOf(path: string): CompressionAlgorithm {
  if (path.endsWith(".gz")) return "gzip";
  return path.endsWith(".zst") ? "zstd" : "none";
}

const plain: ChunkEncoder = {
  encode: (raw) => Promise.resolve(raw),
  finish: () => Promise.resolve(new Uint8Array(0)),
};

export function createEncoder(compression: Compression): ChunkEncoder {
  const level = effectiveLevel(compression) ?? 0;
  if (compression.algorithm === "gzip") return createGzipEncoder(level);
  return compression.algorithm === "zstd" ? createZstdEncoder(level) : plain;
}
