// Does with empty collections what the restore is about to do with the live ones, and takes them away again.
// A right that is missing, or an option or index that this server refuses, would be met only after the drop,
// and putting the old state back would then fail for the same reason.
import * as BSON from "bson";
import type { Document, MongoClient } from "mongodb";
import type { CollectionMetadata } from "../../archive/metadata.ts";
import { toOrdered } from "../../bson/ordered.ts";
import { KeepError } from "../../errors.ts";
import { insertRaw } from "../../mongo/bulk-insert.ts";
import type { Deployment, RawConnection } from "../../mongo/deployment.ts";
import { dataCollection, mayHaveValidator } from "../../mongo/namespaces.ts";
import { addMarkers, OWN_PREFIX } from "../../mongo/own-collections.ts";
import type { Marker } from "../../mongo/own-collections.ts";
import { readAuthority, STAGING_ACTIONS } from "../../mongo/privileges.ts";
import { driverError } from "../../mongo/server-error.ts";
import { collectionExpiry, createNamespace, dropNamespace, setExpiry } from "../load/create.ts";
import { buildIndexes, splitIndexes } from "../load/indexes.ts";
import type { Placed } from "../plan/placed.ts";
import type { RestorePlan } from "../plan/plan.ts";
import { namesOfReplay, rehearseReplay } from "./rehearse-replay.ts";
import { pruneMarkers } from "../swap/staged.ts";

export interface Rehearsal {
  /** The restore's id: what is left by a crash can be told from other collections. */
  readonly restoreId: string;
  readonly signal: AbortSignal;
}

/** @throws KeepError rights-missing, server-error: nothing live has changed then */
export async function rehearse(
  deployment: Deployment,
  placed: readonly Placed[],
  plan: RestorePlan,
  { restoreId, signal }: Rehearsal,
): Promise<void> {
  const replayed = plan.oplog ? namesOfReplay(plan, restoreId) : [];
  if (placed.length + replayed.length === 0) return;
  using raw = await deployment.openRaw("primary");
  if (!raw)
    throw new KeepError("internal", "documents cannot be loaded: the driver gives no raw socket");
  const trials = placed.map((one, n) => {
    const name = `${OWN_PREFIX}${restoreId}_${n}`;
    return { one, target: tried(restoreId, { database: one.database, name }, one.namespace) };
  });
  const replaying = replayed.flatMap(({ first, second }) =>
    [first, second].map((one) => tried(restoreId, one, `${one.database}.${one.name}`)),
  );
  const marking = await mayMark(deployment, plan);
  // First of all: what a crash leaves is no collection of the user's, and goes with the restore.
  const marked = [...trials.map(({ target }) => target), ...replaying];
  await addMarkers(
    deployment.client,
    marked.filter(({ database }) => marking.includes(database)),
  );
  try {
    for (const { one, target } of trials) {
      signal.throwIfAborted();
      await rehearseOne(deployment, raw, one, target);
    }
    await rehearseReplay(deployment, replayed);
  } finally {
    await pruneMarkers(deployment, marking, restoreId);
  }
}

/** An account with the role "restore" alone may load, and may not change what it has written: it goes without. */
async function mayMark({ client }: Deployment, { targetDatabases }: RestorePlan) {
  const { missing } = await readAuthority(client);
  const actions = STAGING_ACTIONS;
  return targetDatabases.filter(
    (database) => missing({ database, name: "", actions }).length === 0,
  );
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
  deployment: Deployment,
  raw: RawConnection,
  one: Placed,
  target: Target,
): Promise<void> {
  const { type } = one;
  const { client } = deployment;
  // Of a series that only the oplog will make nothing is known yet; buckets without one would be nobody's.
  const metadata = one.metadata ?? (type === "timeseries" ? ANY_SERIES : null);
  try {
    await createNamespace(client, target, metadata);
    if (type === "view") return;
    await insertOne(raw, { ...one, metadata }, target);
    if (metadata) {
      const { plain, expiring } = splitIndexes(metadata);
      await buildIndexes(deployment, target, [...plain, ...expiring]);
    }
    await readOne(client, dataCollection(type, target.name), target);
    const expiry = metadata && collectionExpiry(metadata);
    if (expiry !== null) await setExpiry(client, target, expiry);
  } catch (error) {
    throw namedAfter(one, target, error);
  } finally {
    await dropNamespace(client, target);
  }
}

const ANY_SERIES: CollectionMetadata = {
  ...{ collectionName: "", type: "timeseries", uuid: null, indexes: [] },
  options: BSON.serialize({ timeseries: { timeField: "t" } }),
};

async function insertOne(
  raw: RawConnection,
  { type, name: planned, metadata }: Placed,
  { database, name }: Target,
): Promise<void> {
  const place = {
    database,
    collection: dataCollection(type, name),
    bypassValidation: mayHaveValidator(type, planned),
  };
  const document = type === "timeseries" ? bucketOf(metadata) : { _id: new BSON.ObjectId() };
  await insertRaw(raw, place, Buffer.from(BSON.serialize(document)));
}

/** The verification reads what was loaded. */
async function readOne(client: MongoClient, data: string, { database, name }: Target) {
  try {
    await client
      .db(database)
      .collection(data)
      .findOne({}, { projection: { _id: 1 } });
  } catch (error) {
    throw driverError("read", `${database}.${name}`, error);
  }
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

function namedAfter(planned: Placed, target: Target, error: unknown): unknown {
  if (!(error instanceof KeepError)) return error;
  const real = (text: string) => text.replaceAll(target.name, planned.name);
  const message = `${planned.namespace} cannot be restored here: ${real(error.message)}`;
  return new KeepError(error.code, message, {
    hint: real(error.hint),
    details: { ...error.details, namespace: planned.namespace },
    cause: error,
  });
}
