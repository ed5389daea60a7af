// Sends many small requests over one connection without waiting for the earlier replies: in a database with thousands
// of collections, one round trip each through the driver is most of the work.
import * as BSON from "bson";
import type { MongoClient } from "mongodb";
import { createBufferPool } from "../util/buffer-pool.ts";
import { KeepError, outOfFiles } from "../errors.ts";
import { findString } from "../bson/element.ts";
import { numberAt } from "../bson/batch.ts";
import { takeSocket } from "./socket-takeover.ts";
import { REPLY_AT, WireConnection } from "./wire.ts";

/** A command on a database, without `$db`. */
export interface Question {
  readonly database: string;
  readonly command: BSON.Document;
}

/** The server's reply from `at` on, success or error. Valid until the reader returns. */
export interface Answer {
  readonly bytes: Buffer;
  readonly at: number;
  /** 0 for success. */
  readonly code: number;
  readonly errmsg: string;
}

/** Fewer requests are sent one by one, because a separate connection must log in first. */
export const MANY = 24;
/** Requests in flight; the server processes them one after the other. */
const WINDOW = 64;
const SELECTION_MS = 10_000;
const SILENCE_MS = 120_000;
const POOL_BYTES = 1024 * 1024;

/**
 * Sends all requests and passes each reply to `read`. null if no socket can be taken over, or it was lost: then send
 * them through the driver, which can fail over. Only for requests that change nothing. @throws what `read` throws
 */
export async function askAll<T>(
  client: MongoClient,
  questions: readonly Question[],
  signal: AbortSignal,
  read: (answer: Answer, index: number) => T,
): Promise<T[] | null> {
  const wire = await connect(client);
  if (wire === null) return null;
  const stop = () => {
    wire.close();
  };
  signal.addEventListener("abort", stop, { once: true });
  const found: T[] = [];
  try {
    for (let start = 0; start < questions.length; start += WINDOW) {
      const some = questions.slice(start, start + WINDOW);
      await wire.sendAll(some.map((one) => bodyOf(one, wire.apiVersion)));
      for (let n = 0; n < some.length; n++) {
        const message = await wire.receive();
        found.push(read(answerOf(message.buffer), start + n));
        wire.give(message);
      }
    }
    return found;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof KeepError && error.code === "unreachable") return null;
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    wire.close();
  }
}

async function connect(client: MongoClient): Promise<WireConnection | null> {
  try {
    const taken = await takeSocket(client, "primaryPreferred", SELECTION_MS);
    return new WireConnection(taken, createBufferPool(POOL_BYTES), SILENCE_MS);
  } catch (error) {
    const limit = outOfFiles(error);
    if (limit) throw limit;
    // The driver will meet the same problem and report it.
    return null;
  }
}

function bodyOf({ database, command }: Question, apiVersion: string | null): Uint8Array {
  return BSON.serialize({
    ...command,
    $db: database,
    $readPreference: { mode: "primaryPreferred" },
    ...(apiVersion === null ? {} : { apiVersion }),
  });
}

function answerOf(bytes: Buffer): Answer {
  const at = REPLY_AT;
  const isGood = numberAt(bytes, at, "ok") === 1;
  const code = isGood ? 0 : numberAt(bytes, at, "code") || UNNAMED;
  return { bytes, at, code, errmsg: isGood ? "" : (findString(bytes, at, "errmsg") ?? "") };
}

/** The server's code for errors without a code. */
const UNNAMED = 8;
