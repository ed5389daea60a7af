// What is on the server now, for the plan.
import type { Deployment } from "../mongo/deployment.ts";
import { estimateSize } from "../mongo/collection-size.ts";
import { dataCollection, listNamespaces } from "../mongo/namespaces.ts";
import type { LiveNamespace } from "./plan.ts";

/** The namespaces of the databases, with estimated sizes; a database that does not exist has none. */
export async function inspectLive(
  deployment: Deployment,
  databases: readonly string[],
  signal: AbortSignal,
): Promise<LiveNamespace[]> {
  const live: LiveNamespace[] = [];
  for (const database of databases)
    for (const { name, type } of await listNamespaces(deployment.client, database, signal)) {
      const size =
        type === "view"
          ? null
          : await estimateSize(deployment.client, database, dataCollection(type, name));
      live.push({
        database,
        name,
        type,
        documents: size?.documents ?? null,
        bytes: size?.bytes ?? null,
      });
    }
  return live;
}
