// How chunks of whole BSON documents become bytes of a file: one gzip member, one zstd frame, or as they are.

export type CompressionAlgorithm = "gzip" | "zstd" | "none";

export interface Compression {
  readonly algorithm: CompressionAlgorithm;
  /** null where the algorithm has none. */
  readonly level: number | null;
}

/** Writes one file. Chunks may be encoded concurrently; the caller appends the results in the order of its calls. */
export interface ChunkEncoder {
  /**
   * Compresses one chunk (1–16 MiB of whole documents, or one larger document) on the thread pool.
   * `raw` must not change until the promise resolves; the result never shares memory with it unless the
   * algorithm is `none`.
   */
  encode(raw: Uint8Array): Promise<Uint8Array>;
  /**
   * What follows the last chunk: zstd's seek table; for a file without chunks one empty member or frame
   * (0-byte files are rejected by gunzip and zstd). `written` lists the chunks in file order.
   */
  finish(written: readonly ChunkSizes[]): Promise<Uint8Array>;
}

export interface ChunkSizes {
  readonly storedBytes: number;
  readonly rawBytes: number;
}
