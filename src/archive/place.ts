// Where backups are and what is done to their bytes on the way: the one door between a backup's files and all that
// reads or writes them. Encryption goes in here, as a transform: nothing above this file sees stored bytes, except to
// compute checksums.
import type { ReadableFile, Storage, WritableFile } from "../storage/storage.ts";
import type { Encryption } from "./manifest.ts";
import { localDisk } from "../storage/local-disk.ts";
import { readAll } from "../storage/ranges.ts";
import { observeInOrder } from "./observed-file.ts";
import type { ObservedFile, OnStored } from "./observed-file.ts";

export interface Place {
  readonly storage: Storage;
  /** Applied to the files of backups whose manifest says so; null where none is at hand. */
  readonly transform: Transform | null;
}

/** This machine's disk, with files stored as they are. */
export const ON_DISK: Place = { storage: localDisk, transform: null };

/** The same, for files of others and of backups that were made without a transform. */
export const asStored = ({ storage }: Pick<Place, "storage">) => ({ storage, transform: null });

/**
 * For the files of a backup of ours: a place with encryption has backups of before it too.
 * @param made its manifest, or what is known while it is being made
 */
export const placeFor = (
  { encryption }: { readonly encryption?: Encryption | null },
  place: Place,
): Place => (encryption === null ? asStored(place) : place);

/** What a file's bytes go through between a writer and the storage, and back: encryption. */
export interface Transform {
  /** What the manifests of its backups say; those of others are read without it. */
  readonly encryption: Encryption;
  /** For a new file. */
  write(): TransformWriter;
  /**
   * The original bytes of a stored file, by ranges: a range of them must not need more of `stored` than the blocks
   * that it lies in. Closing is not its concern. @throws KeepError damaged where the bytes cannot be what was stored
   */
  read(stored: TransformedFile): Promise<TransformedFile>;
}

export type TransformedFile = Omit<ReadableFile, "close">;

export interface TransformWriter {
  /** The bytes to store for the next bytes of the file; may hold some back. The input stays as it is. */
  update(bytes: Uint8Array): Uint8Array;
  /** The rest, after the last `update`. */
  end(): Uint8Array;
}

/** One file of a backup, as its readers hold it. */
export interface ArchivedFile extends Place {
  /** In the storage. */
  readonly path: string;
}

export const fileAt = ({ storage, transform }: Place, path: string): ArchivedFile => ({
  storage,
  transform,
  path,
});

/** A file on this machine's disk, stored as it is. */
export const onDisk = (path: string): ArchivedFile => fileAt(ON_DISK, path);

export interface OpenFile extends ReadableFile {
  /** Call after the last read, so that `onStored` has seen all stored bytes. */
  finish(): Promise<void>;
}

export interface OpenOptions {
  readonly signal?: AbortSignal;
  /** Sees the stored bytes in their order, each once: for the file's checksum. */
  readonly onStored?: OnStored | undefined;
}

/** The only way to a backup's contents. @throws KeepError damaged for anything that is not a plain file */
export async function openArchived(
  { storage, transform, path }: ArchivedFile,
  { signal, onStored }: OpenOptions = {},
): Promise<OpenFile> {
  const stored = await storage.open(path, signal);
  try {
    const observed: ObservedFile = observeInOrder(stored, onStored);
    const content = transform === null ? observed : await transform.read(observed);
    return {
      bytes: content.bytes,
      read: (buffer, offset, length, position) => content.read(buffer, offset, length, position),
      finish: () => observed.finish(),
      close: () => stored.close(),
    };
  } catch (error) {
    await stored.close();
    throw error;
  }
}

/** All of a file. @throws KeepError damaged where it is missing, no plain file, or longer than `mostBytes` */
export async function readArchived(file: ArchivedFile, mostBytes: number): Promise<Buffer> {
  const opened = await openArchived(file);
  try {
    return await readAll(opened, mostBytes);
  } finally {
    await opened.close();
  }
}

/** Starts a file of a backup, the other side of `openArchived`. `onStored` sees what is stored, in its order. */
export async function createArchived(
  { storage, transform, path }: ArchivedFile,
  onStored: OnStored,
): Promise<WritableFile> {
  const file = await storage.create(path);
  const store = async (bytes: Uint8Array) => {
    if (bytes.length === 0) return;
    onStored(bytes);
    await file.write(bytes);
  };
  if (transform === null) return { ...forward(file), write: store };
  const through = transform.write();
  return {
    ...forward(file),
    write: (bytes) => store(through.update(bytes)),
    close: async () => {
      await store(through.end());
      await file.close();
    },
  };
}

const forward = (file: WritableFile): WritableFile => ({
  write: (bytes) => file.write(bytes),
  flush: () => file.flush(),
  close: () => file.close(),
  abandon: () => file.abandon(),
});
