// One data file while it is written: chunks compressed several at a time, written in order, hashed on the way.
import { createHash } from "node:crypto";
import { KeepError } from "../errors.ts";
import type { ChunkEncoder, ChunkSizes } from "../codec/codec.ts";
import { refusalOf } from "../storage/refusal.ts";
import type { WritableFile } from "../storage/storage.ts";
import type { ManifestFile } from "./manifest.ts";
import { createArchived } from "./place.ts";
import type { ArchivedFile } from "./place.ts";

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

/** A full disk is an error of its own; any other error stays as it is. */
export function writeError(path: string, error: unknown): unknown {
  if (error instanceof KeepError || refusalOf(error) !== "full") return error;
  return new KeepError("disk-full", `the disk is full: ${path} could not be written`, {
    cause: error,
  });
}

/**
 * How many written bytes may wait for the disk. If a large file is flushed only at its end, the server's journal waits
 * behind it: with mongod on the same disk, its writers stood still for 0.1–0.2 s.
 */
const UNFLUSHED_BYTES = 8 * 1024 * 1024;

/** `slots`: how many chunks are compressed at once. `name` is the file's in the manifest and in messages. */
export async function openDataFile(
  archived: ArchivedFile,
  name: string,
  encoder: ChunkEncoder,
  slots: number,
): Promise<DataFile> {
  const stored = createStoredSum();
  try {
    const file = await createArchived(archived, stored.add);
    return new OrderedDataFile(file, stored, name, encoder, slots);
  } catch (error) {
    throw writeError(name, error);
  }
}

/** Length and checksum of what is stored. */
export interface StoredSum {
  readonly add: (bytes: Uint8Array) => void;
  /** Call once, at the end. */
  digest(path: string): ManifestFile;
}

export function createStoredSum(): StoredSum {
  const hash = createHash("sha256");
  let stored = 0;
  return {
    add(bytes) {
      hash.update(bytes);
      stored += bytes.length;
    },
    digest: (path) => ({ path, bytes: stored, sha256: hash.digest("hex") }),
  };
}

class OrderedDataFile implements DataFile {
  readonly #file: WritableFile;
  readonly #stored: StoredSum;
  readonly #path: string;
  readonly #encoder: ChunkEncoder;
  readonly #slots: number;
  readonly #written: ChunkSizes[] = [];
  #inFlight: Promise<void>[] = [];
  #tail: Promise<void> = Promise.resolve();
  #failure: { error: unknown } | undefined;
  #rawBytes = 0;
  #unflushedBytes = 0;
  #flushing: Promise<void> | null = null;

  constructor(
    file: WritableFile,
    stored: StoredSum,
    path: string,
    encoder: ChunkEncoder,
    slots: number,
  ) {
    this.#file = file;
    this.#stored = stored;
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
      await this.#file.close();
    } catch (error) {
      throw writeError(this.#path, error);
    } finally {
      await this.#file.abandon();
    }
    const file = this.#stored.digest(this.#path);
    return { rawBytes: this.#rawBytes, storedBytes: file.bytes, file };
  }

  async abort(): Promise<void> {
    this.#failure ??= { error: new KeepError("failed", `${this.#path} was given up`) };
    await this.#settle();
    await this.#file.abandon();
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#inFlight);
    this.#inFlight = [];
    await this.#tail;
    await this.#flushing;
  }

  async #write(bytes: Uint8Array, rawBytes: number): Promise<void> {
    if (bytes.length === 0) return;
    await this.#file.write(bytes);
    this.#rawBytes += rawBytes;
    if (rawBytes > 0) this.#written.push({ storedBytes: bytes.length, rawBytes });
    this.#unflushedBytes += bytes.length;
    if (this.#unflushedBytes >= UNFLUSHED_BYTES && this.#flushing === null) this.#flushSoon();
  }

  /** Beside the writes. The system tells a failed flush once only: it is kept, as that of a write is. */
  #flushSoon(): void {
    this.#unflushedBytes = 0;
    this.#flushing = this.#file
      .flush()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#flushing = null;
      });
  }

  #throwFailure(): void {
    if (this.#failure) throw writeError(this.#path, this.#failure.error);
  }
}
