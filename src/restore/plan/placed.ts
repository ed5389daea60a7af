// What a restore makes under its own name, in place; and what stands there now, which an undo makes again. What
// must stay true: both are tried before anything is dropped, for an undo that is refused leaves nothing.
import { readMetadata } from "../../archive/metadata-file.ts";
import type { OpenedBackup } from "../../archive/opened.ts";
import type { CollectionMetadata } from "../../archive/metadata.ts";
import type { CollectionType } from "../../archive/manifest.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { listNamespaces } from "../../mongo/namespaces.ts";
import type { NamespaceInfo } from "../../mongo/namespaces.ts";
import { seenInPlan } from "./live.ts";
import type { PlannedCollection, RestorePlan } from "./plan.ts";
import { splitNamespace } from "./select.ts";

export interface Placed {
  /** `database.collection` */
  readonly namespace: string;
  readonly database: string;
  readonly name: string;
  readonly type: CollectionType;
  /** null: a dump that says nothing of it. */
  readonly metadata: CollectionMetadata | null;
}

/** What is swapped by rename is not among it: that is tried by the staging, and never dropped. */
export async function listPlaced(
  deployment: Pick<Deployment, "client">,
  backup: OpenedBackup | null,
  plan: RestorePlan,
  signal: AbortSignal,
): Promise<Placed[]> {
  const made = await listMade(backup, plan);
  const known = new Map(made.map((one) => [one.namespace, definitionOf(one)]));
  const replaced = await listReplaced(deployment, plan, signal);
  return [...made, ...replaced.filter((one) => known.get(one.namespace) !== definitionOf(one))];
}

async function listMade(backup: OpenedBackup | null, plan: RestorePlan): Promise<Placed[]> {
  const archived = new Map(backup?.collections.map((c) => [`${c.database}.${c.name}`, c]));
  const made: Placed[] = [];
  for (const { namespace, database, name, type, way, source } of plan.collections) {
    if (way === "swap") continue;
    const file = archived.get(`${source.database}.${source.name}`);
    const metadata = file ? await readMetadata(file) : null;
    made.push({ namespace, database, name, type, metadata });
  }
  return made;
}

/** Views are dropped in any case; else only what is not renamed aside. */
async function listReplaced(
  deployment: Pick<Deployment, "client">,
  plan: RestorePlan,
  signal: AbortSignal,
): Promise<Placed[]> {
  const isDropped = ({ live, way }: PlannedCollection) =>
    live !== null && (way !== "swap" || live.type === "view");
  const removed = new Set(plan.remove);
  const removedInPlace = new Set(plan.removeInPlace);
  const names = [...plan.collections.filter(isDropped).map((c) => c.namespace), ...plan.remove].map(
    splitNamespace,
  );
  const replaced: Placed[] = [];
  for (const [database, own] of Map.groupBy(names, (one) => one.database)) {
    const wanted = new Set(own.map(({ name }) => name));
    const infos =
      seenInPlan(deployment, database) ??
      (await listNamespaces(deployment.client, database, signal));
    for (const info of infos.filter(({ name }) => wanted.has(name))) {
      const one = placedOf(info);
      if (!removed.has(one.namespace) || removedInPlace.has(one.namespace) || info.type === "view")
        replaced.push(one);
    }
  }
  return replaced;
}

/** A collection as it stands on the server, as its backup would have it. */
export function placedOf({ database, name, type, uuid, options, indexes }: NamespaceInfo): Placed {
  const metadata = { collectionName: name, type, uuid, options, indexes };
  return { namespace: `${database}.${name}`, database, name, type, metadata };
}

function definitionOf({ type, metadata }: Placed): string {
  const parts = metadata ? [metadata.options, ...metadata.indexes] : [];
  const texts = parts.map((bytes) => Buffer.from(bytes).toString("base64"));
  const [options = "", ...indexes] = texts;
  return [type, options, ...indexes.sort()].join(" ");
}
