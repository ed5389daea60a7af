// Reads every document of a collection as raw bytes over an exhaust cursor: the server sends batch after batch unasked.
// Measured: 1.7 s for 859 MB (2.0 s without exhaust, 7.8 s with a driver cursor).
import * as BSON from "bson";
import { compactBatch, parseCursorReply } from "../bson/batch.ts";
import type { ClusterTime } from "./server-info.ts";
import { serverError } from "./server-error.ts";
import { EXHAUST_ALLOWED, REPLY_AT } from "./wire.ts";
import type { Message, WireConnection } from "./wire.ts";

/** Whole documents, back to back. `release` must be called once the bytes are no longer used. */
export interface RawBatch {
  readonly bytes: Buffer;
  readonly documents: number;
  /** Ends of pieces of whole documents within `bytes`. */
  readonly cuts: readonly number[];
  release(): void;
}

export interface ReadOptions {
  readonly database: string;
  readonly collection: string;
  /** Documents per batch; the server also ends a batch at 16 MB. */
  readonly batchDocuments: number;
  /** Minimum size of pieces within a batch, except its last. */
  readonly pieceBytes: number;
  /** The instant to read at; null reads the current state while the cursor passes. */
  readonly at: ClusterTime | null;
  /** Without an instant: nothing older than this, and nothing that a fail-over could roll back. */
  readonly after?: ClusterTime | null;
  readonly filter?: BSON.Document;
  /** Skips this many documents at the start, in natural order. */
  readonly skip?: number;
  readonly secondaryOk: boolean;
}

/** A snapshot read concern at one cluster time; all connections with the same time see the same instant. */
export function snapshotAt(at: ClusterTime): BSON.Document {
  return { level: "snapshot", atClusterTime: new BSON.Timestamp({ t: at.t, i: at.i }) };
}

export function findCommand(options: ReadOptions, apiVersion: string | null): BSON.Document {
  return {
    find: options.collection,
    ...(options.filter
      ? { filter: options.filter }
      : // With `notablescan` or limited scans, only a natural scan is allowed.
        { hint: { $natural: 1 } }),
    ...(options.skip === undefined ? {} : { skip: BSON.Long.fromNumber(options.skip) }),
    batchSize: options.batchDocuments,
    ...concern(options),
    ...common(options, apiVersion),
  };
}

function concern({ at, after }: ReadOptions): BSON.Document {
  if (at) return { readConcern: snapshotAt(at) };
  if (!after) return {};
  return { readConcern: { level: "majority", afterClusterTime: new BSON.Timestamp(after) } };
}

function common(options: ReadOptions, apiVersion: string | null): BSON.Document {
  return {
    $db: options.database,
    // For a router: secondaries lag behind, and are read only if there is no primary.
    ...(options.secondaryOk ? { $readPreference: { mode: "primaryPreferred" } } : {}),
    ...(apiVersion === null ? {} : { apiVersion }),
  };
}

/**
 * Reads the whole collection. The connection is busy until the generator ends. If the generator is left early, the
 * connection is unusable: close it. @throws KeepError rights-missing, unreachable, server-error; `details.serverCode`
 * has the server's code.
 */
export async function* readRaw(
  connection: WireConnection,
  options: ReadOptions,
): AsyncGenerator<RawBatch, void, void> {
  const namespace = `${options.database}.${options.collection}`;
  const take = (message: Message) => {
    const reply = parseCursorReply(message.buffer, REPLY_AT);
    if (!reply.ok || reply.batchAt < 0) {
      connection.give(message);
      throw serverError("read", namespace, reply.code, reply.errmsg);
    }
    const { documents, cuts } = compactBatch(message.buffer, reply.batchAt, options.pieceBytes);
    const batch: RawBatch = {
      bytes: message.buffer.subarray(reply.batchAt, reply.batchAt + (cuts.at(-1) ?? 0)),
      documents,
      cuts,
      release: () => {
        connection.give(message);
      },
    };
    return { batch, id: reply.cursorId };
  };
  await connection.send(0, BSON.serialize(findCommand(options, connection.apiVersion)));
  let { batch, id } = take(await connection.receive());
  yield batch;
  // Only cursor id 0 is the end. If the exhaust stream ends with another id, a new getMore is sent.
  while (id !== 0n) {
    const getMore = {
      getMore: BSON.Long.fromBigInt(id),
      collection: options.collection,
      batchSize: options.batchDocuments,
      ...common(options, connection.apiVersion),
    };
    await connection.send(EXHAUST_ALLOWED, BSON.serialize(getMore));
    for (let more = true; more;) {
      const message = await connection.receive();
      more = message.moreToCome;
      ({ batch, id } = take(message));
      yield batch;
    }
  }
}
