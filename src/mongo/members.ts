// How current each member of a replica set is, from what the members report about themselves and each other. What must
// stay true: it needs no right (a greeting is enough), and a member that does not answer delays nobody.
import type { Document, MongoClient, Timestamp } from "mongodb";
import { MongoServerError } from "mongodb";
import type { Deployment } from "./deployment.ts";
import type { ClusterTime } from "./server-info.ts";
import { greet } from "./socket-takeover.ts";

export interface MemberState {
  /** `host:port` as in the configuration of the set. */
  readonly host: string;
  readonly role: "primary" | "secondary" | "other";
  /** Its newest write; null if it does not tell. */
  readonly applied: ClusterTime | null;
  /** The newest instant at which it can be read: it knows that a majority has it. */
  readonly readable: ClusterTime | null;
  /** From the configuration: a delayed member is behind on purpose. */
  readonly delaySeconds: number;
  /** Its clock when it replied. */
  readonly clockMs: number | null;
}

export interface SetView {
  /** The member that the client uses by default: the primary, if it knows one. */
  readonly asked: MemberState;
  readonly others: readonly MemberState[];
  /** Members that did not answer. */
  readonly silent: readonly string[];
  /** The newest writes of members as reported by others (replSetGetStatus); empty if that is not allowed. */
  readonly reported: readonly ClusterTime[];
  /** The newest cluster time, which every message carries. */
  readonly gossip: ClusterTime | null;
  /** Whether a primary answered, or at least a member has contact to one. */
  readonly primary: "answered" | "heard" | "unknown";
}

const GREETING_MS = 3_000;

/** null if there is no replica set to ask. Errors are the driver's. */
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
  const primary = primaryOf({ asked, others });
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

/** The member that is the primary, if it answered. */
export const primaryOf = ({ asked, others }: Pick<SetView, "asked" | "others">) =>
  [asked, ...others].find(({ role }) => role === "primary");

const namesIn = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

async function askOne(
  client: MongoClient,
  host: string,
): Promise<{ readonly host: string; readonly state: MemberState | null }> {
  // Whatever the reason, it is unknown how current this member is.
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

/** Needs the role clusterMonitor, which backups do not need. */
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
