// What mongokeep asks of anything that holds backups. The local disk is the only implementation today; S3, SFTP and
// rclone will be others. tests/support/storage-conformance.ts is this contract as a suite that each of them must pass.
//
// Paths are separated by slashes and begin with one; "/" is the top of the storage. For the local disk that is the
// top of the machine's file system.
//
// Errors: `refusalOf` (refusal.ts) tells the few reasons that callers handle, and `toKeepError` (errors.ts) puts any of
// them into words. An operation that was aborted throws its signal's reason.

/** What lies in storage: only plain files are ever opened, and no link is followed unless `resolve` is asked. */
export type EntryKind = "file" | "folder" | "link" | "other";

export interface Entry {
  /** Within its folder. */
  readonly name: string;
  readonly kind: EntryKind;
}

export interface EntryStat {
  readonly kind: EntryKind;
  readonly bytes: number;
  /** Milliseconds since 1970, by the clock of the storage. */
  readonly changedMs: number;
}

/** A plain file that is read by ranges, in any order. */
export interface ReadableFile {
  /** Length when it was opened. */
  readonly bytes: number;
  /** Fills `buffer` from `offset` with up to `length` bytes at `position`; 0 bytes read at the end of the file or past it. */
  read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
  /** May be called twice. */
  close(): Promise<void>;
}

/** A new file that is written from its beginning to its end. One call at a time. */
export interface WritableFile {
  /** Takes all of the bytes. They must not change until it resolves. */
  write(bytes: Uint8Array): Promise<void>;
  /** Makes durable what is written so far, where the storage can. May run beside later writes. */
  flush(): Promise<void>;
  /** The file is complete, and durable when this resolves. Its name in the folder is durable after `flushFolder`. */
  close(): Promise<void>;
  /** Stops without completing: the file is gone or cut short. Does nothing after `close` or a second time. */
  abandon(): Promise<void>;
}

/** What readers of backups need. */
export interface ReadableStorage {
  /**
   * The entries of a folder, sorted by name (by UTF-16 code units). Links are listed as links.
   * @throws missing where there is no such folder
   */
  list(folder: string): Promise<Entry[]>;
  /** null where nothing has this name. Tells of a link itself, not of what it leads to. */
  stat(path: string): Promise<EntryStat | null>;
  /** The same path without links; the path itself where a storage has none. @throws missing */
  resolve(path: string): Promise<string>;
  /**
   * Opens a plain file, never through a link in its last part. Reads throw the signal's reason once it aborts.
   * @throws KeepError damaged, with missing as its refusal where that is the reason: not there, or not a plain file
   */
  open(path: string, signal?: AbortSignal): Promise<ReadableFile>;
}

/** What writers of backups need too. Files and folders are for this user alone: 0600 and 0700, or as the storage has it. */
export interface Storage extends ReadableStorage {
  /** Starts a file in a folder that exists. @throws taken where the name is used, by a link too */
  create(path: string, signal?: AbortSignal): Promise<WritableFile>;
  /** Replaces a file, or makes it: readers see the old bytes or the new ones, also after a crash. Durable on return. */
  replace(path: string, bytes: Uint8Array | string): Promise<void>;
  /**
   * Durable on return. Never replaces anything, which the caller's lock on the backup folder makes certain.
   * @throws missing, or taken
   */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, a link or a folder with all that it holds. Nothing there is no error. */
  remove(path: string): Promise<void>;
  /** Makes a folder in one that exists. Durable on return. @throws taken */
  makeFolder(path: string): Promise<void>;
  /** Makes durable which names a folder holds. */
  flushFolder(path: string): Promise<void>;
}
