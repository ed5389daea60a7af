// What a staged restore set aside: how long it stays, and what it holds that no backup does. What must stay
// true: nothing that was written after the pre-restore backup is dropped unless somebody asks for it.
import type { Deployment } from "../mongo/deployment.ts";
import { proveCollection } from "../restore/prove.ts";
import type { RestoreRecord } from "../restore/record.ts";
import { dropOwn, pruneMarkers } from "../restore/staged.ts";
import type { SwapItem } from "../restore/swap-plan.ts";
import type { JobContext } from "./context.ts";
import type { Expected } from "./restore-order.ts";

export interface SetAside {
  readonly namespace: string;
  /** The name under which it is kept, in the same database. */
  readonly collection: string;
  readonly documents: number;
  /** Whether the backup from before the restore holds all of it. */
  readonly inBackup: boolean;
}

export interface ToSettle {
  readonly record: RestoreRecord;
  readonly items: readonly SwapItem[];
  /** What the backup from before the restore holds. */
  readonly expected: Expected;
}

/**
 * Compares what was set aside with the backup from before the restore, by count and hash. With
 * RESTORE_KEEP_ASIDE=0 what that backup holds is dropped at once.
 */
export async function settleAside(
  context: JobContext,
  deployment: Deployment,
  { record, items, expected }: ToSettle,
): Promise<SetAside[]> {
  const found: SetAside[] = [];
  for (const { database, name, old } of items) {
    if (old.kind !== "collection") continue;
    const one = { database, name, parked: old.parked };
    const facts = await compareAside(context, deployment, one, expected);
    const { namespace, ...rest } = facts;
    await record.journal({ step: "aside", state: "done", namespace, aside: rest });
    found.push(facts);
  }
  const databases = [...new Set(items.map((item) => item.database))];
  await pruneMarkers(deployment, databases, record.id);
  if (context.settings.restoreKeepAsideMs > 0) return found;
  const safe = new Set(found.filter((one) => one.inBackup).map((one) => one.collection));
  await dropOwn(deployment, databases, (m) => m.restoreId === record.id && safe.has(m.name));
  if (safe.size > 0) await record.journal({ step: "aside", state: "done", message: "dropped" });
  return found.filter((one) => !one.inBackup);
}

async function compareAside(
  { emit, signal }: JobContext,
  deployment: Deployment,
  { database, name, parked }: { database: string; name: string; parked: string },
  expected: Expected,
): Promise<SetAside> {
  const namespace = `${database}.${name}`;
  const kept = expected.get(namespace);
  const { documents, equal } = await proveCollection(
    deployment,
    {
      namespace,
      database,
      name: parked,
      type: "collection",
      expectedDocuments: kept?.documents ?? -1,
      contentHash: kept?.contentHash ?? null,
    },
    { emit, signal },
  );
  return { namespace, collection: parked, documents, inBackup: kept !== undefined && equal };
}
