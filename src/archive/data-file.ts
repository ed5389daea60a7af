// One data file while it is written: chunks compressed several at a time, written in order, hashed on the way.
import { createHash } from "node:crypto";
import { closeSync } from "node:fs";
import { KeepError } from "../errors.ts";
import type { ChunkEncoder, ChunkSizes } from "../codec/codec.ts";
import { createAtOnce, flush, flushData, writeAll } from "../util/durable-file.ts";
import type { ManifestFile } from "./manifest.ts";

export interface WrittenFile {
  readonly rawBytes: number;
  readonly storedBytes: number;
  readonly file: ManifestFile;
}

export interface DataFile {
  /**
   * Takes a chunk of whole documents; resolves when there is room for the next one (back-pressure).
   * `raw` must stay as it is until `release` is called: exactly once, also where this rejects, which it
   * does with an earlier chunk's failure. One caller at a time: the order of the calls is the file's.
   */
  append(raw: Uint8Array, release?: () => void): Promise<void>;
  /** Waits for all chunks, flushes to disk, closes. */
  close(): Promise<WrittenFile>;
  /** Closes without finishing; the file is left for the caller to remove. May follow a failure or a close. */
  abort(): Promise<void>;
}

/** A full disk is its own failure; anything else keeps its name. */
export function writeError(path: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT")
    return new KeepError("disk-full", `the disk is full: ${path} could not be written`, {
      cause: error,
    });
  return error;
}

/**
 * Written bytes that may wait for the disk. Flushing all of a large file at its end makes the server's journal
 * wait behind it: its writers stood still for 0.1–0.2 s, measured, where mongod had the same disk.
 */
const UNFLUSHED_BYTES = 8 * 1024 * 1024;

/** `slots`: how many chunks are compressed at once. */
export function openDataFile(
  absolute: string,
  relative: string,
  encoder: ChunkEncoder,
  slots: number,
): DataFile {
  try {
    return new OrderedDataFile(createAtOnce(absolute), relative, encoder, slots);
  } catch (error) {
    throw writeError(relative, error);
  }
}

class OrderedDataFile implements DataFile {
  /** null once it is closed. */
  #file: number | null;
  readonly #path: string;
  readonly #encoder: ChunkEncoder;
  readonly #slots: number;
  readonly #hash = createHash("sha256");
  readonly #written: ChunkSizes[] = [];
  #inFlight: Promise<void>[] = [];
  #tail: Promise<void> = Promise.resolve();
  #failure: { error: unknown } | undefined;
  #rawBytes = 0;
  #storedBytes = 0;
  #unflushedBytes = 0;
  #flushing: Promise<void> | null = null;

  constructor(file: number, path: string, encoder: ChunkEncoder, slots: number) {
    this.#file = file;
    this.#path = path;
    this.#encoder = encoder;
    this.#slots = slots;
  }

  async append(raw: Uint8Array, release?: () => void): Promise<void> {
    if (this.#inFlight.length >= this.#slots) await this.#inFlight.shift();
    // No chunk for no documents: an empty zstd frame would be missing in the seek table.
    if (this.#failure || raw.length === 0) {
      release?.();
      this.#throwFailure();
      return;
    }
    const encoded = this.#encoder.encode(raw);
    // Its failure is thrown when its turn comes; until then it must not count as unhandled.
    encoded.catch(() => undefined);
    const step = this.#tail.then(async () => {
      const bytes = await encoded;
      if (!this.#failure) await this.#write(bytes, raw.length);
    });
    // Every link of the chain settles: the first failure is kept, and thrown by the next call.
    this.#tail = step.catch((error: unknown) => {
      this.#failure ??= { error };
    });
    this.#inFlight.push(this.#tail.finally(release));
  }

  async close(): Promise<WrittenFile> {
    await this.#settle();
    this.#throwFailure();
    try {
      await this.#write(await this.#encoder.finish(this.#written), 0);
      await this.#flushing;
      this.#throwFailure();
      await flush(this.#open());
    } catch (error) {
      throw writeError(this.#path, error);
    } finally {
      this.#close();
    }
    const sha256 = this.#hash.digest("hex");
    const storedBytes = this.#storedBytes;
    return {
      rawBytes: this.#rawBytes,
      storedBytes,
      file: { path: this.#path, bytes: storedBytes, sha256 },
    };
  }

  async abort(): Promise<void> {
    this.#failure ??= { error: new KeepError("failed", `${this.#path} was given up`) };
    await this.#settle();
    this.#close();
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#inFlight);
    this.#inFlight = [];
    await this.#tail;
    await this.#flushing;
  }

  async #write(bytes: Uint8Array, rawBytes: number): Promise<void> {
    if (bytes.length === 0) return;
    this.#hash.update(bytes);
    await writeAll(this.#open(), bytes);
    this.#storedBytes += bytes.length;
    this.#rawBytes += rawBytes;
    if (rawBytes > 0) this.#written.push({ storedBytes: bytes.length, rawBytes });
    this.#unflushedBytes += bytes.length;
    if (this.#unflushedBytes >= UNFLUSHED_BYTES && this.#flushing === null) this.#flushSoon();
  }

  /** Beside the writes. The system tells a failed flush once only: it is kept, as that of a write is. */
  #flushSoon(): void {
    this.#unflushedBytes = 0;
    this.#flushing = flushData(this.#open())
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#flushing = null;
      });
  }

  #open(): number {
    if (this.#file === null) throw new KeepError("internal", `${this.#path} is closed already`);
    return this.#file;
  }

  /** Does nothing the second time: abort() may follow a close() that failed. */
  #close(): void {
    const file = this.#file;
    this.#file = null;
    if (file !== null) closeSync(file);
  }

  #throwFailure(): void {
    if (this.#failure) throw writeError(this.#path, this.#failure.error);
  }
}
