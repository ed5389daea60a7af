// What the throw-away server holds after the restore against what the backup holds: counts, every document,
// indexes and options.
import { readMetadata } from "../../archive/metadata-file.ts";
import type { ArchivedCollection, OpenedBackup } from "../../archive/opened.ts";
import type { Problem } from "../../archive/verification.ts";
import { listSelected } from "../../dump/listing.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { collectionExpiry } from "../../restore/load/create.ts";
import { splitIndexes } from "../../restore/load/indexes.ts";
import type { RestorePlan } from "../../restore/plan/plan.ts";
import type { Replayed } from "../../restore/load/replay.ts";
import { createComparer } from "../../verify/compare.ts";
import type { ComparedCollection } from "../../verify/compare.ts";
import { pairUp } from "../../verify/compare-pairs.ts";
import { sideOfBackup, sideOfServer } from "../../verify/compare-sides.ts";
import type { Pair } from "../../verify/compare-sides.ts";
import type { JobContext } from "../context.ts";
import type { DrilledCollection } from "./drill-result.ts";
import { requireTempFolder } from "../../util/process-folders.ts";

const SYSTEM: readonly string[] = ["admin", "config"];
const EVERYTHING = { rename: new Map(), only: null, exclude: [], leftOut: [] } as const;

/**
 * What the oplog changed is not compared with the files any more, only whether it is there.
 * @throws KeepError unreachable, damaged, disk-full
 */
export async function compareRestored(
  { emit, signal }: JobContext,
  deployment: Deployment,
  backup: OpenedBackup,
  plan: RestorePlan,
  replayed: Replayed | null,
): Promise<DrilledCollection[]> {
  const selection = { databases: plan.targetDatabases, exclude: [], only: null, accounts: false, allowEmpty: true }; // prettier-ignore
  const { namespaces } = await listSelected(deployment, selection, signal);
  const planned = new Set(plan.collections.map(({ namespace }) => namespace));
  const held = sideOfBackup(backup).filter((c) => planned.has(`${c.database}.${c.name}`));
  // What a server keeps in `admin` and `config` of its own is not the drill's.
  const restored = sideOfServer({ deployment, at: null, emit }, namespaces).filter(
    (c) => !SYSTEM.includes(c.database) || planned.has(`${c.database}.${c.name}`),
  );
  // `_id`s are contents too: a report for many eyes names none.
  await using comparer = await createComparer({
    emit,
    signal,
    folder: await requireTempFolder(),
    samples: 0,
  });
  const archived = new Map(backup.collections.map((c) => [`${c.database}.${c.name}`, c]));
  const compared: DrilledCollection[] = [];
  const touched = new Set(replayed?.touched);
  const removed = new Set(plan.oplog?.removes);
  for (const pair of pairUp(held, restored, EVERYTHING)) {
    signal.throwIfAborted();
    if (touched.has(pair.namespace)) {
      const gone = removed.has(pair.namespace);
      if (!gone || pair.other) compared.push(await describeReplayed(pair, gone, signal));
      continue;
    }
    const found = await comparer.compare(pair);
    const expiring = plan.expiry ? NOTHING : await expiringOf(archived, pair);
    compared.push(describe(pair, found, expiring));
  }
  return compared;
}

/** `gone`: the log removes it in the end. */
async function describeReplayed(
  { namespace, backup, other }: Pair,
  gone: boolean,
  signal: AbortSignal,
): Promise<DrilledCollection> {
  const restored = other && (await other.count(signal));
  return {
    namespace,
    type: (other ?? backup)?.type ?? "collection",
    documents: { backup: backup?.documents ?? null, restored },
    contentHash: backup?.contentHash ?? null,
    ...{ content: "replayed", indexes: "unknown", options: "unknown" },
    equal: other !== null && !gone,
  };
}

interface Expiring {
  /** Names. */
  readonly indexes: readonly string[];
  readonly collection: boolean;
}
const NOTHING: Expiring = { indexes: [], collection: false };

/** What was left out of the restore, because the server would have deleted documents meanwhile. */
async function expiringOf(
  archived: ReadonlyMap<string, ArchivedCollection>,
  { backup: side }: Pair,
): Promise<Expiring> {
  const own = side && archived.get(`${side.database}.${side.name}`);
  const metadata = own ? await readMetadata(own) : null;
  if (metadata === null) return NOTHING;
  const indexes = splitIndexes(metadata).expiring.map((one) => String(one.get("name")));
  return { indexes, collection: collectionExpiry(metadata) !== null };
}

function describe(
  { namespace, backup }: Pair,
  found: ComparedCollection,
  expiring: Expiring,
): DrilledCollection {
  const { documents, added, removed, changed } = found;
  const content = added + removed + changed === 0 ? "equal" : "differs";
  const indexes = judgeIndexes(found, expiring);
  const left = expiring.collection && found.options === "differs";
  const options = left ? "without-expiry" : found.options;
  const isThere = documents.backup !== null && documents.other !== null;
  return {
    namespace,
    type: found.type.backup ?? found.type.other ?? "collection",
    documents: { backup: documents.backup, restored: documents.other },
    contentHash: backup?.contentHash ?? null,
    ...{ content, indexes, options },
    equal: isThere && content === "equal" && indexes !== "differs" && options !== "differs",
  };
}

function judgeIndexes({ indexes, options }: ComparedCollection, expiring: Expiring) {
  if (options === "unknown") return "unknown";
  const missing = indexes.removed.filter((name) => !expiring.indexes.includes(name));
  if (missing.length + indexes.added.length + indexes.changed.length > 0) return "differs";
  return indexes.removed.length > 0 ? "without-expiry" : "equal";
}

/** What differs, as problems of the backup that was drilled. Pure. */
export function differencesOf(collections: readonly DrilledCollection[]): Problem[] {
  return collections
    .filter(({ equal }) => !equal)
    .map((one) => ({
      file: one.namespace,
      chunk: null,
      document: null,
      problem: differenceOf(one),
    }));
}

function differenceOf({ documents, content, indexes, options }: DrilledCollection): string {
  const { backup, restored } = documents;
  if (restored === null) return "it is not there after the restore";
  if (content === "replayed") return "it is there after the restore, though the oplog removes it";
  if (backup === null) return "it came into being by the restore, though the backup has none";
  const parts = [
    backup === restored ? "" : `${restored} documents instead of ${backup}`,
    content === "differs" && backup === restored ? "documents differ" : "",
    indexes === "differs" ? "indexes differ" : "",
    options === "differs" ? "options differ" : "",
  ];
  return `restored, it is not what the backup holds: ${parts.filter((part) => part !== "").join(", ")}`;
}
