// Does with empty collections what the restore is about to do with the live ones, and takes them away again.
// A right that is missing, or an option or index that this server refuses, would be met only after the drop,
// and putting the old state back would then fail for the same reason.
import * as BSON from "bson";
import type { Document } from "mongodb";
import type { CollectionMetadata } from "../archive/metadata.ts";
import { readMetadata } from "../archive/metadata-file.ts";
import type { ArchivedCollection, OpenedBackup } from "../archive/opened.ts";
import { toOrdered } from "../bson/ordered.ts";
import { KeepError } from "../errors.ts";
import { insertRaw } from "../mongo/bulk-insert.ts";
import type { Deployment, RawConnection } from "../mongo/deployment.ts";
import { dataCollection } from "../mongo/namespaces.ts";
import { MERGED_USERS, addMarkers, OWN_PREFIX } from "../mongo/own-collections.ts";
import type { Marker } from "../mongo/own-collections.ts";
import { missingActions, STAGING_ACTIONS } from "../mongo/privileges.ts";
import { createNamespace, dropNamespace } from "./create.ts";
import { buildIndexes, splitIndexes } from "./indexes.ts";
import type { PlannedCollection, RestorePlan } from "./plan.ts";
import { namesOfReplay, rehearseReplay } from "./rehearse-replay.ts";
import { pruneMarkers } from "./staged.ts";

export interface Rehearsal {
  /** The restore's id: what is left by a crash can be told from other collections. */
  readonly restoreId: string;
  readonly signal: AbortSignal;
}

/** @throws KeepError rights-missing, server-error: nothing live has changed then */
export async function rehearse(
  deployment: Deployment,
  backup: OpenedBackup | null,
  plan: RestorePlan,
  { restoreId, signal }: Rehearsal,
): Promise<void> {
  if (backup === null) return;
  const archived = new Map(backup.collections.map((c) => [`${c.database}.${c.name}`, c]));
  using raw = await deployment.openRaw("primary");
  if (!raw)
    throw new KeepError("internal", "documents cannot be loaded: the driver gives no raw socket");
  const trials = [...plan.collections.entries()].flatMap(([n, planned]) => {
    const source = archived.get(`${planned.source.database}.${planned.source.name}`);
    // What is staged is tried by the staging itself.
    if (planned.way === "swap" || !source) return [];
    const { database, namespace } = planned;
    const name = `${OWN_PREFIX}${restoreId}_${n}`;
    return [{ planned, source, target: tried(restoreId, { database, name }, namespace) }];
  });
  const replayed = plan.oplog ? namesOfReplay(plan, restoreId) : [];
  const replaying = replayed.flatMap(({ first, second }) =>
    [first, second].map((one) => tried(restoreId, one, `${one.database}.${one.name}`)),
  );
  const isMarked = await mayMark(deployment, plan);
  // First of all: what a crash leaves is no collection of the user's, and goes with the restore.
  if (isMarked)
    await addMarkers(deployment.client, [...trials.map(({ target }) => target), ...replaying]);
  try {
    for (const { planned, source, target } of trials) {
      signal.throwIfAborted();
      await rehearseOne(deployment, raw, planned, source, target);
    }
    await rehearseReplay(deployment, replayed);
  } finally {
    if (isMarked) await pruneMarkers(deployment, plan.targetDatabases, restoreId);
  }
}

/** An account with the role "restore" alone may load, and may not change what it has written: it goes without. */
async function mayMark({ client }: Deployment, { targetDatabases }: RestorePlan): Promise<boolean> {
  for (const database of targetDatabases)
    if ((await missingActions(client, database, STAGING_ACTIONS)).length > 0) return false;
  return true;
}

const tried = (restoreId: string, target: Target, namespace: string): Marker => ({
  ...target,
  ...{ restoreId, namespace, role: "tried" },
});

interface Target {
  readonly database: string;
  readonly name: string;
}

async function rehearseOne(
  { client }: Deployment,
  raw: RawConnection,
  planned: PlannedCollection,
  source: ArchivedCollection,
  target: Target,
): Promise<void> {
  const metadata = await readMetadata(source);
  try {
    await createNamespace(client, target, metadata);
    await insertOne(raw, planned, target, metadata);
    if (metadata && planned.type !== "view") {
      const { plain, expiring } = splitIndexes(metadata);
      await buildIndexes(client, target, [...plain, ...expiring]);
    }
  } catch (error) {
    throw namedAfter(planned, target, error);
  } finally {
    await dropNamespace(client, target);
  }
}

async function insertOne(
  raw: RawConnection,
  { type }: PlannedCollection,
  { database, name }: Target,
  metadata: CollectionMetadata | null,
): Promise<void> {
  if (type === "view") return;
  const place = {
    database,
    collection: dataCollection(type, name),
    bypassValidation: type === "collection",
  };
  const document = type === "timeseries" ? bucketOf(metadata) : { _id: new BSON.ObjectId() };
  await insertRaw(raw, place, Buffer.from(BSON.serialize(document)));
}

/** The least that the server takes for a bucket: one measurement with nothing but its time. */
function bucketOf(metadata: CollectionMetadata | null): Document {
  const series = metadata ? toOrdered(metadata.options).get("timeseries") : null;
  const named: unknown = series instanceof Map ? series.get("timeField") : null;
  const field = typeof named === "string" ? named : "t";
  const at = { [field]: new Date(0) };
  return {
    _id: BSON.ObjectId.createFromTime(0),
    control: { version: 1, min: at, max: at },
    data: { [field]: { 0: new Date(0) } },
  };
}

function namedAfter(planned: PlannedCollection, target: Target, error: unknown): unknown {
  if (!(error instanceof KeepError)) return error;
  const real = (text: string) => text.replaceAll(target.name, planned.name);
  const message = `${planned.namespace} cannot be restored here: ${real(error.message)}`;
  return new KeepError(error.code, message, {
    hint: real(error.hint),
    details: { ...error.details, namespace: planned.namespace },
    cause: error,
  });
}

/** Whether users and roles may be merged; else why not. */
export async function mayMergeAccounts({ client }: Deployment): Promise<KeepError | null> {
  try {
    await dropNamespace(client, { database: "admin", name: MERGED_USERS });
    return null;
  } catch (error) {
    if (error instanceof KeepError && error.code === "rights-missing") return error;
    throw error;
  }
}
