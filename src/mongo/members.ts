// How far each member of a replica set has come, by what the members say of themselves and of each other.
// What must stay true: it needs no right (a greeting tells it), and a member that does not answer holds nobody up.
import type { Document, MongoClient, Timestamp } from "mongodb";
import { MongoServerError } from "mongodb";
import type { Deployment } from "./deployment.ts";
import type { ClusterTime } from "./server-info.ts";
import { greet } from "./socket-takeover.ts";

export interface MemberState {
  /** `host:port` as the set names it. */
  readonly host: string;
  readonly role: "primary" | "secondary" | "other";
  /** Its newest write; null where it does not tell. */
  readonly applied: ClusterTime | null;
  /** The newest instant at which it can be read: it knows that a majority holds it. */
  readonly readable: ClusterTime | null;
  /** Configured: a delayed member is behind on purpose. */
  readonly delaySeconds: number;
  /** Its clock when it answered. */
  readonly clockMs: number | null;
}

export interface SetView {
  /** The member that the client talks to by default: the primary where there is one that it knows. */
  readonly asked: MemberState;
  readonly others: readonly MemberState[];
  /** Members that did not answer. */
  readonly silent: readonly string[];
  /** The newest writes of members by hearsay (replSetGetStatus); empty where that is not allowed. */
  readonly reported: readonly ClusterTime[];
  /** What the cluster's time has come to, as it is passed on with every message. */
  readonly gossip: ClusterTime | null;
  /** Whether a primary answered, or a member at least hears one. */
  readonly primary: "answered" | "heard" | "unknown";
}

const GREETING_MS = 3_000;

/** null where there is no replica set to ask. Errors are the driver's own. */
export async function viewSet({
  client,
  server,
  isLookalike,
}: Pick<Deployment, "client" | "server" | "isLookalike">): Promise<SetView | null> {
  if (server.topology !== "replicaSet" || isLookalike) return null;
  const hello = await client.db("admin").command({ hello: 1 });
  const asked = stateOf(String(hello.me ?? ""), hello);
  const hosts = [...namesIn(hello.hosts), ...namesIn(hello.passives)];
  const greetings = hosts.filter((host) => host !== asked.host).map((host) => askOne(client, host));
  const [answers, status] = await Promise.all([Promise.all(greetings), readStatus(client)]);
  const others = answers.flatMap(({ state }) => (state ? [state] : []));
  const primary = [asked, ...others].some(({ role }) => role === "primary");
  const isHeard = typeof hello.primary === "string" || status.hasPrimary;
  return {
    asked,
    others,
    silent: answers.flatMap(({ host, state }) => (state ? [] : [host])),
    reported: status.applied,
    gossip: timeOf((hello.$clusterTime as Document | undefined)?.clusterTime),
    primary: primary ? "answered" : isHeard ? "heard" : "unknown",
  };
}

const namesIn = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

async function askOne(
  client: MongoClient,
  host: string,
): Promise<{ readonly host: string; readonly state: MemberState | null }> {
  // Whatever the reason is, it is not known how far this member has come.
  const hello = await greet(client, host, GREETING_MS).catch(() => null);
  return { host, state: hello && stateOf(host, hello) };
}

function stateOf(host: string, hello: Document): MemberState {
  const { opTime, majorityOpTime } = (hello.lastWrite ?? {}) as Record<
    string,
    Document | undefined
  >;
  const isPrimary = hello.isWritablePrimary === true;
  return {
    host,
    role: isPrimary ? "primary" : hello.secondary === true ? "secondary" : "other",
    applied: timeOf(opTime?.ts),
    readable: timeOf(majorityOpTime?.ts),
    // Before MongoDB 5.0 it was called slaveDelay.
    delaySeconds: Number(hello.secondaryDelaySecs ?? hello.slaveDelay ?? 0),
    clockMs: hello.localTime instanceof Date ? hello.localTime.getTime() : null,
  };
}

interface Status {
  readonly applied: readonly ClusterTime[];
  readonly hasPrimary: boolean;
}

/** Needs the role clusterMonitor, which a backup does not. */
async function readStatus(client: MongoClient): Promise<Status> {
  try {
    const status = await client.db("admin").command({ replSetGetStatus: 1 });
    const members = (status.members ?? []) as readonly Document[];
    const applied = members.flatMap(
      ({ optime }) => timeOf((optime as Document | undefined)?.ts) ?? [],
    );
    return { applied, hasPrimary: members.some((m) => m.stateStr === "PRIMARY" && m.health === 1) };
  } catch (error) {
    if (error instanceof MongoServerError) return { applied: [], hasPrimary: false };
    throw error;
  }
}

function timeOf(value: unknown): ClusterTime | null {
  const timestamp = value as Timestamp | undefined;
  return timestamp ? { t: timestamp.t, i: timestamp.i } : null;
}

export const isReached = (a: ClusterTime, b: ClusterTime) =>
  a.t > b.t || (a.t === b.t && a.i >= b.i);

export function newestOf(times: readonly (ClusterTime | null)[]): ClusterTime | null {
  return times.reduce((a, b) => (a && (!b || isReached(a, b)) ? a : b), null);
}
