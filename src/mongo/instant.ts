// The instant at which a backup is read: the newest one that a majority of the set has.
import { setTimeout as sleep } from "node:timers/promises";
import type { MongoClient, Timestamp } from "mongodb";
import type { Deployment } from "./deployment.ts";
import { isReached, newestOf, viewSet } from "./members.ts";
import type { ClusterTime, ServerInfo } from "./server-info.ts";

type Asked = Pick<Deployment, "client" | "server" | "isLookalike">;

const POLL_MS = 50;
/** A healthy member is behind by milliseconds. One that is further behind does not catch up during a short wait. */
const CATCH_UP_MS = 10_000;
const CATCH_UP_SECONDS = 60;

/**
 * The newest instant that a majority has, once it includes everything that the primary had written when it was asked:
 * with a member down, a majority may be hours behind. "behind": it stayed behind for `patienceMs`. null as for
 * `newestInstant`. If no primary can be asked, it is the newest instant of the member, after a short wait for the
 * writes of others.
 */
export async function instantOfNow(
  deployment: Asked,
  signal: AbortSignal,
  patienceMs: number,
): Promise<ClusterTime | null | "behind"> {
  const { client, server } = deployment;
  const until = performance.now() + patienceMs;
  const written = await readLastWrite(client, server);
  if (written && !written.isPrimary) return await instantOfMember(deployment, signal);
  for (let now = written; ; now = await readLastWrite(client, server)) {
    const { opTime: wanted } = written ?? {};
    if (!now?.majorityOpTime || !wanted) return now?.majorityOpTime ?? null;
    if (isReached(now.majorityOpTime, wanted)) return now.majorityOpTime;
    if (performance.now() >= until) return "behind";
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** A member may lag behind the set. */
async function instantOfMember(
  deployment: Asked,
  signal: AbortSignal,
): Promise<ClusterTime | null> {
  const view = await viewSet(deployment);
  const wanted = newestOf(view?.others.map(({ readable }) => readable) ?? []);
  const until = performance.now() + CATCH_UP_MS;
  for (;;) {
    const own = await newestInstant(deployment.client, deployment.server);
    if (!own || !wanted || isReached(own, wanted)) return own;
    if (wanted.t - own.t > CATCH_UP_SECONDS || performance.now() >= until) return own;
    await sleep(POLL_MS, undefined, { signal });
  }
}

interface LastWrite {
  readonly opTime: ClusterTime | null;
  readonly majorityOpTime: ClusterTime | null;
  readonly isPrimary: boolean;
}

async function readLastWrite(client: MongoClient, server: ServerInfo): Promise<LastWrite | null> {
  if (server.topology !== "replicaSet" || Number.parseInt(server.version, 10) < 5) return null;
  const hello = await client.db("admin").command({ hello: 1 });
  const write = hello.lastWrite as Record<string, { ts?: Timestamp } | undefined> | undefined;
  const timeOf = (field: "opTime" | "majorityOpTime") => {
    const ts = write?.[field]?.ts;
    return ts ? { t: ts.t, i: ts.i } : null;
  };
  return {
    opTime: timeOf("opTime"),
    majorityOpTime: timeOf("majorityOpTime"),
    isPrimary: hello.isWritablePrimary === true,
  };
}

/**
 * The newest instant that a majority has, at which every connection can read the same snapshot; null if the server
 * offers none (standalone, router, before MongoDB 5.0).
 */
export async function newestInstant(
  client: MongoClient,
  server: ServerInfo,
): Promise<ClusterTime | null> {
  return (await readLastWrite(client, server))?.majorityOpTime ?? null;
}
