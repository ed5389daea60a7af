// Documents of one collection, from the archive to the server: chunks inflate on the thread pool while
// earlier ones are inserted over two connections.
import type { Deployment, RawConnection } from "../mongo/deployment.ts";
import { insertRaw } from "../mongo/bulk-insert.ts";
import type { InsertTarget } from "../mongo/bulk-insert.ts";
import { readChunks } from "../archive/chunk-reader.ts";
import { KeepError } from "../errors.ts";

/** More than two connections gain nothing: insertion is bound by the server. */
const CONNECTIONS = 2;
/** Chunks inflated ahead of the inserts. */
const AHEAD = 3;

export interface LoadOptions {
  /** The order of documents matters (capped collections): one connection, in order. */
  readonly keepOrder: boolean;
  readonly signal: AbortSignal;
  readonly onLoaded: (documents: number, bytes: number) => void;
}

/** Connections for loading, opened once and used for all collections. */
export interface Loader extends Disposable {
  load(dataFile: string, target: InsertTarget, options: LoadOptions): Promise<number>;
}

/** @throws KeepError where no raw socket can be had: loading raw bytes needs one */
export async function openLoader(deployment: Deployment): Promise<Loader> {
  const connections: RawConnection[] = [];
  const close = () => {
    for (const connection of connections) connection[Symbol.dispose]();
  };
  try {
    while (connections.length < CONNECTIONS) {
      const raw = await deployment.openRaw("primary");
      if (!raw)
        throw new KeepError(
          "internal",
          "documents cannot be loaded: the driver gives no raw socket",
        );
      connections.push(raw);
    }
  } catch (error) {
    close();
    throw error;
  }
  return {
    load: (dataFile, target, options) => loadFile(connections, dataFile, target, options),
    [Symbol.dispose]: close,
  };
}

async function loadFile(
  connections: readonly RawConnection[],
  dataFile: string,
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
      const inserted = await insertRaw(connection, target, next.value.raw);
      documents += inserted;
      options.onLoaded(inserted, next.value.raw.length);
    }
  };
  const users = options.keepOrder ? connections.slice(0, 1) : connections;
  const results = await Promise.allSettled(
    users.map(async (connection) => {
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
