// What prevents renaming or dropping a collection: open transactions, index builds, holders of its lock. What must stay
// true: asking changes nothing, and delays others only for a moment.
import type { Document, MongoClient } from "mongodb";
import { MongoServerError } from "mongodb";
import { formatDuration } from "../util/units.ts";
import { runPool } from "../util/task-pool.ts";
import { KeepError } from "../errors.ts";

export interface Obstacle {
  /** What it holds, as far as known. */
  readonly namespace: string;
  /** Completes "waits for …". */
  readonly text: string;
  /** Its duration; null if unknown. */
  readonly ageMs: number | null;
}

interface Operation {
  /** null: a transaction; no server tells what it holds. */
  readonly namespace: string | null;
  readonly ageMs: number;
  readonly text: string;
}

const ASK_MS = 2_000;
/** Later readers and writers wait this long if it has to wait. */
const PROBE_MS = 100;
const PROBES_AT_ONCE = 8;

/** src/mongo/base/error_codes.yml: LockTimeout, MaxTimeMSExpired, and what an index build refuses. */
const BLOCKED: readonly unknown[] = [24, 50, 12586, 12587];

/** Whether a command was given up, or refused, because something holds a collection. */
export function isBlocked(error: unknown): boolean {
  if (error instanceof MongoServerError) return BLOCKED.includes(error.code);
  return error instanceof KeepError && BLOCKED.includes(error.details.serverCode);
}

/**
 * What may hold one of the namespaces, oldest first; null if the account may not see others, which needs the right
 * inprog. It may always see its own operations (which may be those of the service).
 */
export async function findOperations(
  client: MongoClient,
  namespaces: ReadonlySet<string>,
  allUsers = true,
): Promise<Operation[] | null> {
  const found = await client
    .db("admin")
    .aggregate(
      [
        { $currentOp: { allUsers, idleSessions: true } },
        { $match: { $or: [{ "transaction.parameters.autocommit": false }, { active: true }] } },
      ],
      { maxTimeMS: ASK_MS },
    )
    .toArray()
    .catch(() => null);
  const operations = found?.flatMap((one) => operationOf(one, namespaces));
  return operations?.sort((a, b) => b.ageMs - a.ageMs) ?? null;
}

function operationOf(one: Document, namespaces: ReadonlySet<string>): Operation[] {
  const names = [one.appName, one.client].filter((t) => typeof t === "string" && t !== "");
  const of = names.length === 0 ? "" : ` of ${names.join(", ")}`;
  const transaction = one.transaction as Document | undefined;
  if (transaction?.timeOpenMicros !== undefined && holdsCollections(one)) {
    const ageMs = Number(transaction.timeOpenMicros) / 1_000;
    const text = `a transaction${of} that has been open for ${formatDuration(ageMs)}`;
    return [{ namespace: null, ageMs, text }];
  }
  const namespace = String(one.ns);
  if (!namespaces.has(namespace)) return [];
  const ageMs = Number(one.microsecs_running ?? 0) / 1_000;
  const text = `${describeCommand(one)} on ${namespace}${of}, opid ${String(one.opid)}, which has run for ${formatDuration(ageMs)}`;
  return [{ namespace, ageMs, text }];
}

function describeCommand({ command, msg, progress }: Document): string {
  const [name = "an operation"] = Object.keys((command ?? {}) as Document);
  const isBuild = String(msg ?? "").includes("Index Build");
  if (name !== "createIndexes" && !isBuild) return name;
  return `an index build${isBuild ? percent(progress as Document | undefined) : ""}`;
}

const holdsCollections = ({ locks }: Document) =>
  (locks as Document | undefined)?.Collection !== undefined;

function percent(progress: Document | undefined): string {
  const total = Number(progress?.total ?? 0);
  return total > 0 ? ` (${Math.floor((100 * Number(progress?.done ?? 0)) / total)} %)` : "";
}

/** The first of the namespaces that cannot be locked within a moment; null: all can, or it is unknown. */
export async function probe(
  client: MongoClient,
  namespaces: Iterable<string>,
  waitMs = PROBE_MS,
): Promise<string | null> {
  let blocked: string | null = null;
  await runPool(
    [...namespaces],
    PROBES_AT_ONCE,
    new AbortController().signal,
    async (namespace) => {
      if (blocked === null && (await isHeld(client, namespace, waitMs))) blocked = namespace;
    },
  );
  return blocked;
}

/** A collMod that changes nothing takes the same lock as a rename, and conflicts with index builds as well. */
async function isHeld(client: MongoClient, namespace: string, maxTimeMS: number): Promise<boolean> {
  const dot = namespace.indexOf(".");
  const command = { collMod: namespace.slice(dot + 1), maxTimeMS };
  try {
    await client.db(namespace.slice(0, dot)).command(command);
    return false;
  } catch (error) {
    // A view, a missing right, another kind of server: only the actual operation can tell.
    return isBlocked(error);
  }
}

/** The most likely holder of a namespace. */
async function findHolder(
  client: MongoClient,
  namespace: string,
): Promise<Omit<Obstacle, "namespace">> {
  const asked = new Set([namespace]);
  const all = await findOperations(client, asked);
  const found = all ?? (await findOperations(client, asked, false));
  const holder =
    found?.find((one) => one.namespace === namespace && one.ageMs >= PROBE_MS) ?? found?.[0];
  if (holder) return holder;
  const unseen =
    all === null ? ", which this account may not see (the role clusterMonitor may)" : "";
  return { ageMs: null, text: `something that holds it${unseen}` };
}

/** The same as text that completes "waits for …". */
export async function describeHolder(client: MongoClient, namespace: string): Promise<string> {
  return (await findHolder(client, namespace)).text;
}

/**
 * What holds one of the namespaces. Tries only those that something might hold; if the account cannot know, all of them
 * if they are at most `blindly`. null: nothing does.
 */
export async function findObstacle(
  client: MongoClient,
  namespaces: ReadonlySet<string>,
  blindly: number,
): Promise<Obstacle | null> {
  const found = await findOperations(client, namespaces);
  if (found === null && namespaces.size > blindly) return null;
  const suspects = found?.map((one) => one.namespace);
  // A transaction may hold any of them.
  const some = !suspects || suspects.includes(null) ? namespaces : new Set(suspects as string[]);
  const namespace = await probe(client, some);
  return namespace === null ? null : { ...(await findHolder(client, namespace)), namespace };
}
