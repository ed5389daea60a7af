// A database of the test's own on a shared server, with a client, both gone after the test.
import { randomBytes } from "node:crypto";
import { MongoClient } from "mongodb";
import type { Db } from "mongodb";
import { replicaSet } from "./servers.ts";
import { atEnd } from "./temporary.ts";
import type { Cleanup } from "./temporary.ts";

export interface FreshDatabase {
  /** Unique: several files run at the same time on one server. */
  readonly name: string;
  readonly client: MongoClient;
  readonly db: Db;
  /** Of the server, with no database in its path. */
  readonly serverUri: string;
  /** The same with this database in its path: what a user would put into MONGODB_URI. */
  readonly uri: string;
  /** Another unique name, dropped after the test too: the target of `--db A=B`. */
  otherName(): string;
}

/** A name that no other test has. */
export function uniqueName(prefix = "surg"): string {
  return `${prefix}_${process.pid}_${randomBytes(4).toString("hex")}`;
}

/** An empty database of its own, on the shared replica set unless another server is given. */
export async function freshDatabase(t: Cleanup, serverUri?: string): Promise<FreshDatabase> {
  const server = serverUri ?? (await replicaSet());
  const client = await new MongoClient(server, { serverSelectionTimeoutMS: 60_000 }).connect();
  const names = [uniqueName()];
  atEnd(t, async () => {
    for (const name of names) await client.db(name).dropDatabase();
    await client.close();
  });
  const [name = ""] = names;
  return {
    name,
    client,
    db: client.db(name),
    serverUri: server,
    uri: withDatabase(server, name),
    otherName: () => {
      const other = uniqueName("other");
      names.push(other);
      return other;
    },
  };
}

/** `mongodb://host/?x` with a database in its path; users of `admin` still log in there. */
export function withDatabase(uri: string, database: string): string {
  // No URL has several hosts.
  return uri.replace(/^(mongodb:\/\/[^/]+)\/[^?]*/, (_, server: string) => `${server}/${database}`);
}
