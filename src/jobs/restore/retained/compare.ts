// Compares the retained collections with the safety backup, once a restore is done. What must stay true: nothing that
// was written after the safety backup is dropped unless somebody asks for it.
import { warn } from "../../../events.ts";
import type { OpenedBackup } from "../../../archive/opened.ts";
import { toKeepError } from "../../../errors.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { createVerifier } from "../../../restore/load/read-back.ts";
import type { Verifier } from "../../../restore/load/read-back.ts";
import { dropOwn, pruneMarkers } from "../../../restore/swap/staged.ts";
import type { SwapItem } from "../../../restore/swap/swap-plan.ts";
import { createComparer } from "../../../verify/compare.ts";
import { sideOfBackup, sideOfServer } from "../../../verify/compare-sides.ts";
import type { SideCollection } from "../../../verify/compare-sides.ts";
import type { JobContext } from "../../context.ts";
import { isHeld } from "./list.ts";
import { findUnchanged } from "./unchanged.ts";
import type { Expected } from "../plan/order.ts";
import type { Retained, ToCompare } from "./retained.ts";

/**
 * Compares what was retained with the safety backup. With RESTORE_KEEP_ASIDE=0 what that
 * backup holds is dropped at once. The restore is done: failing here is reported, and retained collections stay.
 */
export async function compareRetained(
  context: JobContext,
  deployment: Deployment,
  toSettle: ToCompare,
): Promise<Retained[]> {
  const { record, items, expected } = toSettle;
  const found: Retained[] = [];
  try {
    const quiet = await findUnchanged(context, deployment, toSettle);
    using verifier = createVerifier(deployment);
    const kept = keptIn(toSettle.before);
    const replaced = items.flatMap((item) =>
      item.old.kind === "collection" ? [{ item, parked: item.old.parked }] : [],
    );
    for (const [n, { item, parked }] of replaced.entries()) {
      const facts =
        quiet.get(item) ??
        (await compareOne(context, { deployment, verifier, kept }, item, parked, toSettle));
      const { namespace, ...aside } = facts;
      // What is dropped later is compared with this once more (retained/list.ts).
      const contentHash = facts.inBackup ? (expected.get(namespace)?.contentHash ?? null) : null;
      const told = { ...aside, contentHash };
      const entry = { step: "aside", state: "done", namespace, aside: told } as const;
      // The last one flushes them all.
      if (n === replaced.length - 1) await record.journal(entry);
      else await record.note(entry);
      warnOfLateWrites(context, facts);
      found.push(facts);
    }
    return await letGo(context, deployment, toSettle, found);
  } catch (error) {
    const { message } = toKeepError(error);
    warn(
      context.emit,
      "aside-not-compared",
      `the restore is done; the replaced data could not be compared with the safety backup, and is retained: ${message}`,
    );
    return found;
  }
}

/** What a backup of ours promises of each namespace. */
export function expectedOf(backup: OpenedBackup | null): Expected {
  return new Map(backup?.manifest?.collections.map((c) => [`${c.database}.${c.name}`, c]));
}

async function letGo(
  context: JobContext,
  deployment: Deployment,
  { record, items }: ToCompare,
  found: readonly Retained[],
): Promise<Retained[]> {
  const { settings } = context;
  const databases = [...new Set(items.map((item) => item.database))];
  await pruneMarkers(deployment, databases, record.id);
  if (settings.restoreKeepAsideMs > 0 || !(await isHeld(context, record.id))) return [...found];
  const safe = new Set(found.filter((one) => one.inBackup).map((one) => one.collection));
  await dropOwn(deployment, databases, (m) => m.restoreId === record.id && safe.has(m.name));
  return found.filter((one) => !one.inBackup);
}

function warnOfLateWrites({ emit }: JobContext, one: Retained): void {
  if (one.inBackup || one.lateWrites === null) return;
  const message = `${one.namespace} was written to after the safety backup: ${one.lateWrites} documents of that are only in ${one.collection}, which is retained until mongokeep restore --discard-replaced`;
  warn(emit, "late-writes", message);
}

/** What the safety backup holds, by its names; made once for all that is compared with it. */
function keptIn(before: OpenedBackup | null): ReadonlyMap<string, SideCollection> {
  const sides = before ? sideOfBackup(before) : [];
  return new Map(sides.map((c) => [`${c.database}.${c.name}`, c]));
}

interface Comparing {
  readonly deployment: Deployment;
  readonly verifier: Verifier;
  readonly kept: ReadonlyMap<string, SideCollection>;
}

async function compareOne(
  context: JobContext,
  { deployment, verifier, kept: inFiles }: Comparing,
  { database, name }: SwapItem,
  parked: string,
  { expected }: ToCompare,
): Promise<Retained> {
  const { emit, signal } = context;
  const namespace = `${database}.${name}`;
  const kept = expected.get(namespace);
  const { documents, equal } = await verifier.verify(
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
  // A count alone verifies nothing: what was updated since has the same.
  const inBackup = equal && typeof kept?.contentHash === "string";
  const lateWrites = inBackup
    ? 0
    : await countLate(context, deployment, parked, inFiles.get(namespace));
  return { namespace, collection: parked, documents, inBackup, lateWrites };
}

const EMPTY_DOCUMENT = Buffer.from([5, 0, 0, 0, 0]);

async function countLate(
  { emit, signal, settings }: JobContext,
  deployment: Deployment,
  parked: string,
  kept: SideCollection | undefined,
): Promise<number | null> {
  if (!kept) return null;
  const { database, name } = kept;
  const info = {
    ...{ database, name: parked, type: "collection" as const, uuid: null },
    dataUuid: null,
  };
  const aside = { ...info, options: EMPTY_DOCUMENT, indexes: [] };
  const [other = null] = sideOfServer({ deployment, at: null, emit }, [aside]);
  await using comparer = await createComparer({
    ...{ emit, signal, folder: settings.backupDir, samples: 0 },
  });
  const compared = await comparer.compare({
    namespace: `${database}.${name}`,
    backup: kept,
    other,
  });
  return compared.added + compared.changed;
}
