// Does with empty collections what the restore is about to do with the live ones, and takes them away again.
// A right that is missing, or an option or index that this server refuses, would be met only after the drop,
// and putting the old state back would then fail for the same reason.
import * as BSON from "bson";
import { readMetadata } from "../archive/reader.ts";
import type { ArchivedCollection, OpenedBackup } from "../archive/reader.ts";
import { KeepError } from "../errors.ts";
import { insertRaw } from "../mongo/bulk-insert.ts";
import type { Deployment, RawConnection } from "../mongo/deployment.ts";
import { OWN_PREFIX } from "../mongo/own-collections.ts";
import { createNamespace, dropNamespace } from "./create.ts";
import { buildIndexes, splitIndexes } from "./indexes.ts";
import type { PlannedCollection, RestorePlan } from "./plan.ts";

/** Where the server's own merging of accounts takes them from (users.ts). */
const TEMPORARY_USERS = "tempusers";

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
  for (const [n, planned] of plan.collections.entries()) {
    signal.throwIfAborted();
    // What is staged is tried by the staging itself.
    if (planned.way === "swap") continue;
    const source = archived.get(`${planned.source.database}.${planned.source.name}`);
    const target = { database: planned.database, name: `${OWN_PREFIX}${restoreId}_${n}` };
    if (source) await rehearseOne(deployment, raw, planned, source, target);
  }
}

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
    if (planned.type === "collection") {
      const place = { database: target.database, collection: target.name, bypassValidation: true };
      await insertRaw(raw, place, Buffer.from(BSON.serialize({ _id: new BSON.ObjectId() })));
    }
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
    await dropNamespace(client, { database: "admin", name: TEMPORARY_USERS });
    return null;
  } catch (error) {
    if (error instanceof KeepError && error.code === "rights-missing") return error;
    throw error;
  }
}
