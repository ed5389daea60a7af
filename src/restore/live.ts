// What is on the server now, for the plan.
import type { Deployment } from "../mongo/deployment.ts";
import { estimateSize } from "../mongo/collection-size.ts";
import { isCapped } from "../bson/element.ts";
import { dataCollection, isTemporary, listNamespaces } from "../mongo/namespaces.ts";
import type { NamespaceInfo } from "../mongo/namespaces.ts";
import { newestIdTime } from "../mongo/newest-id.ts";
import { KeepError } from "../errors.ts";
import { readStandings } from "./standings.ts";
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
    for (const info of infos) live.push(await inspectOne(deployment, info));
  }
  return live;
}

async function inspectOne({ client }: Deployment, info: NamespaceInfo): Promise<LiveNamespace> {
  const { database, name, type, indexes } = info;
  const isView = type === "view";
  const size = isView ? null : await estimateSize(client, database, dataCollection(type, name));
  const ordered = type === "collection" && !isCapped(info.options);
  return {
    database,
    name,
    type,
    documents: size?.documents ?? null,
    bytes: size?.bytes ?? null,
    diskBytes: size?.diskBytes ?? null,
    indexes: indexes.length,
    newestId: ordered ? await newestIdTime(client, database, name) : null,
    ...(isTemporary(info) && { temporary: true }),
  };
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
