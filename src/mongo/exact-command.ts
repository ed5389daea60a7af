// Commands that contain options or indexes unchanged, including values that the driver cannot write: those are sent as
// raw bytes over a separate socket. Rarely needed, and then the only way not to change them silently.
import * as BSON from "bson";
import type { MongoClient } from "mongodb";
import { holdsRaw, serializeOrdered } from "../bson/ordered.ts";
import type { OrderedValue } from "../bson/ordered.ts";
import { createBufferPool } from "../util/buffer-pool.ts";
import { serverError } from "./server-error.ts";
import type { Action } from "./server-error.ts";
import { takeSocket } from "./socket-takeover.ts";
import { REPLY_AT, WireConnection } from "./wire.ts";

const SELECTION_MS = 10_000;
/** An index build replies when it is done. */
const SILENCE_MS = 24 * 3_600_000;

/**
 * Runs a command whose values were read with toOrdered. Errors are the driver's, or @throws KeepError server-error,
 * rights-missing for `action` on `target`
 */
export async function runExactly(
  client: MongoClient,
  database: string,
  command: ReadonlyMap<string, OrderedValue>,
  meaning: { readonly action: Action; readonly target: string },
): Promise<void> {
  if (holdsRaw(command)) await runRaw(client, database, command, meaning);
  else await client.db(database).command(Object.fromEntries(command));
}

async function runRaw(
  client: MongoClient,
  database: string,
  command: ReadonlyMap<string, OrderedValue>,
  { action, target }: { readonly action: Action; readonly target: string },
): Promise<void> {
  const taken = await takeSocket(client, "primary", SELECTION_MS);
  const wire = new WireConnection(taken, createBufferPool(0), SILENCE_MS);
  try {
    const { apiVersion } = taken;
    const addressed = [
      ...command,
      ["$db", database] as const,
      ...(apiVersion === null ? [] : [["apiVersion", apiVersion] as const]),
    ];
    await wire.send(0, serializeOrdered(new Map(addressed)));
    const message = await wire.receive();
    const reply = BSON.deserialize(message.buffer.subarray(REPLY_AT, message.length));
    if (reply.ok === 1) return;
    throw serverError(
      action,
      target,
      Number(reply.code ?? 0),
      String(reply.errmsg ?? "no reason given"),
    );
  } finally {
    wire.close();
  }
}
