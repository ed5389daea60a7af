// What is on the server now, for the plan.
import type { Deployment } from "../../mongo/deployment.ts";
import { estimateCount, estimateSizes } from "../../mongo/collection-size.ts";
import { isCapped } from "../../bson/element.ts";
import { dataCollection, isTemporary, listNamespaces } from "../../mongo/namespaces.ts";
import type { NamespaceInfo } from "../../mongo/namespaces.ts";
import { newestIdTime } from "../../mongo/newest-id.ts";
import { KeepError } from "../../errors.ts";
import { runPool } from "../../util/task-pool.ts";
import { readStandings } from "../swap/standings.ts";
import type { LiveNamespace, RestorePlan } from "./plan.ts";

/** What was seen last, with options and indexes: what a plan was made from need not be read twice. */
const looks = new WeakMap<Deployment["client"], Map<string, readonly NamespaceInfo[]>>();

/** The namespaces of a database as the plan saw them; null where it did not look. */
export function seenInPlan({ client }: Pick<Deployment, "client">, database: string) {
  return looks.get(client)?.get(database) ?? null;
}

/** The namespaces of the databases, with estimated sizes; a database that does not exist has none. */
export async function inspectLive(
  deployment: Deployment,
  databases: readonly string[],
  signal: AbortSignal,
): Promise<LiveNamespace[]> {
  const live: LiveNamespace[] = [];
  const seen = looks.get(deployment.client) ?? new Map<string, readonly NamespaceInfo[]>();
  looks.set(deployment.client, seen);
  for (const database of databases) {
    const infos = await listNamespaces(deployment.client, database, signal);
    seen.set(database, infos);
    live.push(...(await inspectAll(deployment, database, infos, signal)));
  }
  return live;
}

/** Asked for at the same time, where the answer takes a look at an index. */
const WIDTH = 8;

async function inspectAll(
  { client }: Deployment,
  database: string,
  infos: readonly NamespaceInfo[],
  signal: AbortSignal,
): Promise<LiveNamespace[]> {
  const stored = infos.filter(({ type }) => type !== "view");
  const places = stored.map(({ type, name }) => ({ database, name: dataCollection(type, name) }));
  const sizes = await estimateSizes(client, places, signal);
  const sizeOf = new Map(stored.map((info, n) => [info, sizes[n] ?? null]));
  // The server gives the sizes of a time series, and 0 for its number of buckets.
  const buckets = new Map<NamespaceInfo, number | null>();
  const series = infos.filter(({ type }) => type === "timeseries");
  await runPool(series, WIDTH, signal, async (info) => {
    const data = dataCollection(info.type, info.name);
    buckets.set(info, await estimateCount(client, database, data));
  });
  const newest = new Map<NamespaceInfo, string | null>();
  const ordered = infos.filter(({ type, options }) => type === "collection" && !isCapped(options));
  await runPool(ordered, WIDTH, signal, async (info) => {
    newest.set(info, await newestIdTime(client, database, info.name));
  });
  return infos.map((info): LiveNamespace => {
    const { name, type, indexes } = info;
    const size = sizeOf.get(info);
    const { bytes = null, diskBytes = null } = size ?? {};
    const documents = (type === "timeseries" ? buckets.get(info) : size?.documents) ?? null;
    return {
      ...{ database, name, type, documents, bytes, diskBytes },
      indexes: indexes.length,
      newestId: newest.get(info) ?? null,
      ...(isTemporary(info) && { temporary: true }),
    };
  });
}

/**
 * Looks once more, right before the first change: what somebody created since the plan would be taken for
 * the restore's own, and dropped by an undo. @throws KeepError namespaces-changed
 */
export async function assertPlanHolds(
  { client }: Deployment,
  plan: RestorePlan,
  signal: AbortSignal,
): Promise<void> {
  const created = new Set(
    plan.collections.filter((c) => c.action === "create").map((c) => c.namespace),
  );
  if (created.size === 0) return;
  for (const database of plan.targetDatabases) {
    signal.throwIfAborted();
    for (const name of (await readStandings(client, database)).keys())
      if (created.has(`${database}.${name}`))
        throw new KeepError(
          "namespaces-changed",
          `${database}.${name} came into being since the restore was planned`,
          { hint: "Stop what writes to the database (SERVICE_NAME), then run the restore again." },
        );
  }
}
