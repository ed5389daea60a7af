// Makes a newly started mongod ready for use: primary, with its first user.
import { setTimeout as sleep } from "node:timers/promises";
import { MongoClient } from "mongodb";
import type { Admin, MongoClientOptions } from "mongodb";
import { REPLICA_SET } from "./mongod-args.ts";
import type { ThrowawayShape } from "./mongod-args.ts";

const PRIMARY_TIMEOUT_MS = 30_000;

/** Initiates the replica set, waits for the primary, creates the user, as `shape` says. */
export async function setUpMongod(
  shape: ThrowawayShape,
  port: number,
  signal: AbortSignal,
): Promise<void> {
  await using client = new MongoClient(`mongodb://127.0.0.1:${port}/`, connectOptions(shape));
  const admin = client.db("admin").admin();
  if (shape.topology === "replicaSet") await initiate(admin, port, signal);
  // The localhost exception: the first user of a server can be created without a login.
  if (shape.auth) {
    const { user, password } = shape.auth;
    await admin.command({ createUser: user, pwd: password, roles: ["root"] });
  }
}

function connectOptions(shape: ThrowawayShape): MongoClientOptions {
  return {
    directConnection: true,
    serverSelectionTimeoutMS: PRIMARY_TIMEOUT_MS,
    ...(shape.tls ? { tls: true, tlsCAFile: shape.tls.caFile } : {}),
  };
}

async function initiate(admin: Admin, port: number, signal: AbortSignal): Promise<void> {
  const members = [{ _id: 0, host: `127.0.0.1:${port}` }];
  await admin.command({ replSetInitiate: { _id: REPLICA_SET, members } });
  const deadline = performance.now() + PRIMARY_TIMEOUT_MS;
  while ((await admin.command({ hello: 1 })).isWritablePrimary !== true) {
    if (performance.now() > deadline) throw new Error("the replica set has no primary");
    await sleep(20, undefined, { signal });
  }
}
