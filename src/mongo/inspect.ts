// What the server is: version, topology, feature compatibility version, the newest instant to read at.
import { setTimeout as sleep } from "node:timers/promises";
import type { Document, MongoClient, Timestamp } from "mongodb";
import { MongoServerError } from "mongodb";
import type { ClusterTime, ServerInfo, Topology } from "./server-info.ts";

export interface Inspection {
  readonly info: ServerInfo;
  readonly identity: string;
  /** It speaks MongoDB's protocol, and is something else beneath (Amazon DocumentDB, FerretDB, Azure Cosmos DB). */
  readonly isLookalike: boolean;
}

function topologyOf(hello: Document): Topology {
  if (hello.msg === "isdbgrid") return "sharded";
  return typeof hello.setName === "string" ? "replicaSet" : "standalone";
}

export async function inspectServer(client: MongoClient): Promise<Inspection> {
  const admin = client.db("admin");
  const hello = await admin.command({ hello: 1 });
  const build = await admin.command({ buildInfo: 1 });
  const topology = topologyOf(hello);
  const setName = typeof hello.setName === "string" ? hello.setName : null;
  const info: ServerInfo = {
    version: String(build.version),
    topology,
    setName,
    featureCompatibilityVersion: await featureVersion(client),
  };
  const hosts = client.options.hosts.map((host) => host.toString()).sort();
  const identity = setName ?? client.options.srvHost ?? hosts.join(",");
  return { info, identity, isLookalike: isLookalike(build) };
}

/** Every build of MongoDB names its allocator, and those that store something their storage engines. */
const isLookalike = (build: Document) =>
  typeof build.allocator !== "string" && !Array.isArray(build.storageEngines);

/** null where the user may not ask for it: it guards restores, and is no condition for a backup. */
async function featureVersion(client: MongoClient): Promise<string | null> {
  try {
    const reply = await client
      .db("admin")
      .command({ getParameter: 1, featureCompatibilityVersion: 1 });
    const value: unknown = (reply.featureCompatibilityVersion as Document | undefined)?.version;
    return typeof value === "string" ? value : null;
  } catch (error) {
    if (error instanceof MongoServerError) return null;
    throw error;
  }
}

const POLL_MS = 50;

/**
 * The newest instant that a majority holds once it has all that the primary had written when it was asked: a majority
 * may be behind by hours where a member is down. "behind": it was so for `patienceMs`. null as of `newestInstant`.
 */
export async function instantOfNow(
  { client, server }: { readonly client: MongoClient; readonly server: ServerInfo },
  signal: AbortSignal,
  patienceMs: number,
): Promise<ClusterTime | null | "behind"> {
  const until = performance.now() + patienceMs;
  const written = await readLastWrite(client, server);
  for (let now = written; ; now = await readLastWrite(client, server)) {
    const { opTime: wanted } = written ?? {};
    if (!now?.majorityOpTime || !wanted) return now?.majorityOpTime ?? null;
    if (isReached(now.majorityOpTime, wanted)) return now.majorityOpTime;
    if (performance.now() >= until) return "behind";
    await sleep(POLL_MS, undefined, { signal });
  }
}

const isReached = (a: ClusterTime, b: ClusterTime) => a.t > b.t || (a.t === b.t && a.i >= b.i);

interface LastWrite {
  readonly opTime: ClusterTime | null;
  readonly majorityOpTime: ClusterTime | null;
}

async function readLastWrite(client: MongoClient, server: ServerInfo): Promise<LastWrite | null> {
  if (server.topology !== "replicaSet" || Number.parseInt(server.version, 10) < 5) return null;
  const hello = await client.db("admin").command({ hello: 1 });
  const write = hello.lastWrite as Record<string, { ts?: Timestamp } | undefined> | undefined;
  const timeOf = (field: keyof LastWrite) => {
    const ts = write?.[field]?.ts;
    return ts ? asClusterTime(ts) : null;
  };
  return { opTime: timeOf("opTime"), majorityOpTime: timeOf("majorityOpTime") };
}

const asClusterTime = ({ t, i }: Timestamp): ClusterTime => ({ t, i });

/**
 * The newest instant that a majority holds, at which every connection can read the same snapshot;
 * null where the server has none to offer (standalone, router, before MongoDB 5.0).
 */
export async function newestInstant(
  client: MongoClient,
  server: ServerInfo,
): Promise<ClusterTime | null> {
  return (await readLastWrite(client, server))?.majorityOpTime ?? null;
}
