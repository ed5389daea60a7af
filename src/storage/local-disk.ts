// The local disk as a storage. Short calls are made at once instead of on the thread pool: with thousands of small
// files, the way there and back took most of the time. What may wait for the disk is not.
import { closeSync, lstatSync } from "node:fs";
import { readdir, realpath, rm } from "node:fs/promises";
import type { Dirent, Stats } from "node:fs";
import { KeepError } from "../errors.ts";
import {
  createFile,
  createPrivateFolder,
  flush,
  flushData,
  renameDurably,
  replaceFile,
  syncFolder,
  writeAll,
} from "../util/durable-file.ts";
import { openToRead } from "./local-file.ts";
import type { EntryKind, EntryStat, Storage, WritableFile } from "./storage.ts";

export const localDisk: Storage = {
  async list(folder) {
    const entries = await readdir(folder, { withFileTypes: true });
    const listed = entries.map((entry) => ({ name: entry.name, kind: kindOf(entry) }));
    return listed.sort((a, b) => (a.name < b.name ? -1 : 1));
  },
  stat: inPromise(statAtOnce),
  resolve: (path) => realpath(path),
  open: openToRead,
  async create(path, signal) {
    signal?.throwIfAborted();
    return new LocalFile(await createFile(path), signal);
  },
  replace: replaceFile,
  async rename(from, to) {
    // rename(2) would replace a file, or an empty folder.
    if (statAtOnce(to) !== null) throw taken(from, to);
    await renameDurably(from, to);
  },
  remove: (path) => rm(path, { recursive: true, force: true }),
  makeFolder: createPrivateFolder,
  flushFolder: syncFolder,
};

/** An act that is done at once, with its errors as rejections. */
function inPromise<A extends unknown[], T>(act: (...args: A) => T): (...args: A) => Promise<T> {
  // eslint-disable-next-line @typescript-eslint/require-await -- that is its purpose
  return async (...args) => act(...args);
}

function kindOf(one: Dirent | Stats): EntryKind {
  if (one.isFile()) return "file";
  if (one.isDirectory()) return "folder";
  return one.isSymbolicLink() ? "link" : "other";
}

function statAtOnce(path: string): EntryStat | null {
  try {
    const found = lstatSync(path);
    return { kind: kindOf(found), bytes: found.size, changedMs: found.mtimeMs };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw error;
  }
}

function taken(from: string, to: string): Error {
  const message = `EEXIST: file already exists, rename '${from}' -> '${to}'`;
  return Object.assign(new Error(message), { code: "EEXIST", syscall: "rename", path: from });
}

class LocalFile implements WritableFile {
  /** null once it is closed. */
  #file: number | null;
  readonly #signal: AbortSignal | undefined;

  constructor(file: number, signal: AbortSignal | undefined) {
    this.#file = file;
    this.#signal = signal;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#signal?.throwIfAborted();
    await writeAll(this.#open(), bytes);
  }

  async flush(): Promise<void> {
    await flushData(this.#open());
  }

  async close(): Promise<void> {
    try {
      await flush(this.#open());
    } finally {
      this.#close();
    }
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- its errors must be rejections
  async abandon(): Promise<void> {
    this.#close();
  }

  #open(): number {
    if (this.#file === null) throw new KeepError("internal", "the file is closed already");
    return this.#file;
  }

  #close(): void {
    const file = this.#file;
    this.#file = null;
    if (file !== null) closeSync(file);
  }
}
