// Reads small collections before their turn, many finds on their way over one connection: in a database of thousands
// a round trip for each, on a connection for each lane, is most of the work.
// What must stay true: what was read here is whole, and read at the instant that was asked for; else it is read again.
// Memory stays flat however wrong the sizes are: a server that was killed may call a large collection empty.
import * as BSON from "bson";
import { compactBatch, parseCursorReply } from "../bson/batch.ts";
import { findCommand } from "../mongo/bulk-read.ts";
import type { RawBatch, ReadOptions } from "../mongo/bulk-read.ts";
import type { ContentSize } from "../mongo/collection-size.ts";
import type { RawConnection } from "../mongo/deployment.ts";
import { isLost } from "../mongo/lost.ts";
import { REPLY_AT } from "../mongo/wire.ts";
import type { Message } from "../mongo/wire.ts";
import type { DumpConnections } from "./connections.ts";
import { isSilent, withinLimits } from "./read-watch.ts";
import type { LossContext } from "./start-over.ts";

export interface AheadContext extends LossContext {
  readonly connections: DumpConnections;
}

/** A collection that is expected to be small. */
export interface AheadRead {
  readonly options: ReadOptions;
  readonly expected: ContentSize;
}

/** Fewer are read one by one. */
const LEAST_READS = 24;
/** Finds on their way at once: the server works on one after the other. */
const WINDOW = 64;
const WINDOW_BYTES = 1024 * 1024;
/** Held at most of one window, as it came: the rest of it is read again. */
const MOST_HELD_BYTES = 4 * WINDOW_BYTES;
/** A collection that has more than twice as many documents as expected, and these, is read again. */
const MORE_DOCUMENTS = 10;

interface Window {
  readonly reads: readonly AheadRead[];
  /** Each until it is taken; null: it is to be read again. */
  found: Promise<(RawBatch | null)[]> | null;
}

/** The batches of small collections, in the order in which they will be asked for. */
export class ReadAhead implements AsyncDisposable {
  readonly #context: AheadContext;
  readonly #windows: readonly Window[];
  readonly #places = new Map<string, readonly [window: number, place: number]>();
  #reading: Promise<unknown> = Promise.resolve();
  #busy: RawConnection | null = null;
  #isOver = false;

  constructor(context: AheadContext, reads: readonly AheadRead[]) {
    this.#context = context;
    this.#windows = reads.length < LEAST_READS ? [] : cutIntoWindows(reads);
    this.#windows.forEach((window, n) => {
      window.reads.forEach(({ options }, place) => {
        this.#places.set(keyOf(options), [n, place]);
      });
    });
  }

  /**
   * All documents of a collection, once; null: they are to be read in the ordinary way.
   * @throws KeepError as watchRead does
   */
  async take(options: ReadOptions): Promise<RawBatch | null> {
    const key = keyOf(options);
    const [n, place] = this.#places.get(key) ?? [];
    if (n === undefined || place === undefined) return null;
    this.#places.delete(key);
    const read = this.#begin(n);
    // On its way while this one's are written.
    this.#begin(n + 1)?.catch(() => undefined);
    const found = await read;
    const batch = found?.[place] ?? null;
    if (found) found[place] = null;
    return batch;
  }

  #begin(n: number): Window["found"] {
    const window = this.#windows[n];
    if (!window) return null;
    if (window.found === null) {
      const before = this.#reading;
      window.found = before.then(() => (this.#isOver ? [] : this.#read(window.reads)));
      this.#reading = window.found.catch(() => undefined);
    }
    return window.found;
  }

  async #read(reads: readonly AheadRead[]): Promise<(RawBatch | null)[]> {
    const { connections } = this.#context;
    const raw = await connections.take(null);
    if (raw === null || this.#isOver) {
      connections.give(raw);
      this.#isOver = true;
      return [];
    }
    this.#busy = raw;
    try {
      const found = await readWindow(this.#context, raw, reads);
      connections.give(raw);
      return found;
    } catch (error) {
      this.#isOver = true;
      connections.drop(raw);
      if (isSilent(error) && raw.member.isSecondary) connections.avoid(raw.member);
      else if (!isLost(error) || isSilent(error)) throw error;
      // Who reads them one by one meets the same reason, and knows where else to ask.
      return [];
    } finally {
      this.#busy = null;
    }
  }

  /** Nothing is on its way when it resolves. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#busy?.wire.close();
    await this.#reading;
  }
}

/** Another instant, or another name by now, is another read. */
const keyOf = ({ database, collection, at, after }: ReadOptions) =>
  JSON.stringify([database, collection, at, after]);

function cutIntoWindows(reads: readonly AheadRead[]): Window[] {
  const windows: { reads: AheadRead[]; found: null }[] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const read of reads) {
    const last = windows.at(-1);
    if (last && last.reads.length < WINDOW && bytes + read.expected.bytes <= WINDOW_BYTES) {
      last.reads.push(read);
      bytes += read.expected.bytes;
    } else {
      windows.push({ reads: [read], found: null });
      bytes = read.expected.bytes;
    }
  }
  return windows;
}

async function readWindow(
  { connections: { deployment, limits }, emit }: AheadContext,
  raw: RawConnection,
  reads: readonly AheadRead[],
): Promise<(RawBatch | null)[]> {
  const { wire } = raw;
  const receive = ({ database, collection }: ReadOptions): Promise<Message> => {
    const namespace = `${database}.${collection}`;
    return withinLimits({ deployment, limits, namespace, raw, emit }, wire.receive());
  };
  const found: (RawBatch | null)[] = [];
  const kills: { readonly options: ReadOptions; readonly cursorId: bigint }[] = [];
  let heldBytes = 0;
  await wire.sendAll(
    reads.map((read) => BSON.serialize(findCommand(fewOf(read), wire.apiVersion))),
  );
  for (const { options } of reads) {
    const message = await receive(options);
    const { ok, cursorId, batchAt } = parseCursorReply(message.buffer, REPLY_AT);
    if (cursorId !== 0n) kills.push({ options, cursorId });
    // A refusal is met again where it is understood.
    const isWhole = ok && cursorId === 0n && batchAt >= 0;
    const isHeld = isWhole && heldBytes + message.length <= MOST_HELD_BYTES;
    if (isHeld) heldBytes += message.length;
    found.push(isHeld ? copyOf(message.buffer, batchAt, options) : null);
    wire.give(message);
  }
  // These have grown since they were measured, and the server would hold the instant for their cursors.
  await wire.sendAll(kills.map((kill) => BSON.serialize(killCommand(kill, wire.apiVersion))));
  for (const { options } of kills) wire.give(await receive(options));
  return found;
}

/** What does not fit into one short reply is not small: the reply says so by its open cursor. */
function fewOf({ options, expected }: AheadRead): ReadOptions {
  const few = 2 * expected.documents + MORE_DOCUMENTS;
  return { ...options, batchDocuments: Math.min(options.batchDocuments, few) };
}

/** Buffers of messages are much longer than these documents. */
function copyOf(b: Buffer, batchAt: number, { pieceBytes }: ReadOptions): RawBatch {
  const { documents, cuts } = compactBatch(b, batchAt, pieceBytes);
  const bytes = Buffer.from(b.subarray(batchAt, batchAt + (cuts.at(-1) ?? 0)));
  return { bytes, documents, cuts, release: () => undefined };
}

function killCommand(
  { options, cursorId }: { readonly options: ReadOptions; readonly cursorId: bigint },
  apiVersion: string | null,
): BSON.Document {
  return {
    killCursors: options.collection,
    cursors: [BSON.Long.fromBigInt(cursorId)],
    $db: options.database,
    ...(apiVersion === null ? {} : { apiVersion }),
  };
}
