// Documents of one collection, from the archive to the server: chunks inflate on the thread pool while
// earlier ones are inserted.
import type { Deployment, RawConnection } from "../../mongo/deployment.ts";
import { insertRaw } from "../../mongo/bulk-insert.ts";
import type { InsertTarget } from "../../mongo/bulk-insert.ts";
import { readChunks } from "../../archive/chunk-reader.ts";
import { KeepError } from "../../errors.ts";
import type { ArchivedFile } from "../../archive/place.ts";

/** Chunks inflated ahead of the inserts. */
const AHEAD = 3;

export interface LoadOptions {
  /** 1 keeps the order of documents (capped collections); more than 2 gain nothing, the server is the limit. */
  readonly connections: 1 | 2;
  /** The documents must come in their order (capped collections). */
  readonly inOrder: boolean;
  readonly signal: AbortSignal;
  /** Documents to leave out. */
  readonly skip?: (document: Buffer) => boolean;
  readonly onLoaded: (documents: number, bytes: number) => void;
}

/** Loads collections, also several at the same time, over connections that are used again. */
export interface Loader extends Disposable {
  /** @throws KeepError server-error; "internal" where no raw socket can be had */
  load(dataFile: ArchivedFile, target: InsertTarget, options: LoadOptions): Promise<number>;
  /** Opens the first connection: call it while failing still costs nothing. */
  prepare(): Promise<void>;
}

/** How documents are loaded; `createLoader` unless something else is asked for. */
export type LoaderFactory = (deployment: Deployment) => Loader;

export function createLoader(deployment: Deployment): Loader {
  const idle: RawConnection[] = [];
  const open = new Set<RawConnection>();
  const borrow = async (): Promise<RawConnection> => {
    const raw = idle.pop() ?? (await deployment.openRaw("primary"));
    if (!raw)
      throw new KeepError("internal", "documents cannot be loaded: the driver gives no raw socket");
    open.add(raw);
    return raw;
  };
  return {
    async prepare() {
      idle.push(await borrow());
    },
    async load(dataFile, target, options) {
      const used: RawConnection[] = [];
      while (used.length < options.connections) used.push(await borrow());
      const documents = await loadFile(used, dataFile, target, options);
      // After a failure a connection may wait for an answer: only whole ones are used again.
      idle.push(...used);
      return documents;
    },
    [Symbol.dispose]: () => {
      for (const raw of open) raw[Symbol.dispose]();
    },
  };
}

async function loadFile(
  connections: readonly RawConnection[],
  dataFile: ArchivedFile,
  target: InsertTarget,
  options: LoadOptions,
): Promise<number> {
  const chunks = readChunks(dataFile, { width: AHEAD, signal: options.signal });
  let documents = 0;
  let failed = false;
  const work = async (connection: RawConnection) => {
    // Concurrent next() calls of an async generator queue up: each chunk goes to one connection.
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
      if (failed) return;
      options.signal.throwIfAborted();
      const raw = options.skip ? without(next.value.raw, options.skip) : next.value.raw;
      const inserted = await insertRaw(connection, target, raw);
      documents += inserted;
      options.onLoaded(inserted, next.value.raw.length);
    }
  };
  const results = await Promise.allSettled(
    connections.map(async (connection) => {
      try {
        await work(connection);
      } catch (error) {
        failed = true;
        throw error;
      }
    }),
  );
  await chunks.return(undefined);
  const broken = results.find((r) => r.status === "rejected");
  if (broken) throw broken.reason;
  return documents;
}

function without(documents: Buffer, skip: (document: Buffer) => boolean): Buffer {
  const kept: Buffer[] = [];
  for (let at = 0; at < documents.length;) {
    const end = at + documents.readInt32LE(at);
    const document = documents.subarray(at, end);
    if (!skip(document)) kept.push(document);
    at = end;
  }
  return Buffer.concat(kept);
}
