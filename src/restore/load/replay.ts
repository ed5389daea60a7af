// The oplog of a backup, replayed onto what was loaded and verified; after it the indexes and definitions that
// there are at its end. What must stay true: it writes only to the targets of its pass, never to a name that
// the plan does not know.
import type { CollectionType } from "../../archive/manifest.ts";
import type { CollectionMetadata } from "../../archive/metadata.ts";
import type { OpenedBackup } from "../../archive/opened.ts";
import type { ArchivedOplog } from "../../archive/stock-oplog.ts";
import type { MongoClient } from "mongodb";
import { findElement } from "../../bson/element.ts";
import { addMarkers, ownName, removeMarkers } from "../../mongo/own-collections.ts";
import type { Marker } from "../../mongo/own-collections.ts";
import { IndexCatalog } from "../../oplog/index-catalog.ts";
import { readEntries } from "../../oplog/read-entries.ts";
import { replayOplog } from "../../oplog/replay.ts";
import type { ReplaySummary } from "../../oplog/replay-state.ts";
import type { ViewDefinition } from "../../oplog/view-changes.ts";
import { dropNamespace } from "./create.ts";
import { buildAll, indexesOf } from "./load-collections.ts";
import type { Build, Run, Target, Work } from "./load-collections.ts";
import type { PlannedCollection, PlannedOplog, RestorePlan } from "../plan/plan.ts";

/** What one pass over the log is about: all of a plan, or what is staged, or what is not. */
export interface Pass {
  readonly plan: RestorePlan & { readonly oplog: PlannedOplog };
  readonly oplog: ArchivedOplog;
  readonly build: Build;
  readonly isPart: (planned: Pick<PlannedCollection, "way">) => boolean;
}

/** What the log did, for the result. */
export interface Replayed extends Omit<ReplaySummary, "renamed" | "views" | "catalog"> {
  /** How many times it renamed a collection. */
  readonly renamed: number;
}

/** null: the backup has no log, or the plan does not replay it. */
export function passOf(
  backup: OpenedBackup | null,
  plan: RestorePlan,
  build: Build,
  isPart: Pass["isPart"] = () => true,
): Pass | null {
  const { oplog } = plan;
  if (!oplog || !backup?.oplog) return null;
  return { plan: { ...plan, oplog }, oplog: backup.oplog, build, isPart };
}

/** Loaded without indexes, which are built when the log has been replayed, and without repeated documents. */
export const beforeReplay = (work: readonly Work[]): Work[] =>
  work.map((one) => ({ ...one, indexes: [], mayRepeat: true }));

/**
 * Replays and builds the indexes. Gives what there is now in the place of `work`: with the definitions at the
 * log's end, what the log has made, and `gone` for what it has removed. Views are not made.
 * @throws KeepError as replayOplog does
 */
export async function replayOnto(
  run: Run,
  pass: Pass,
  work: readonly Work[],
): Promise<{ work: Work[]; replayed: Replayed }> {
  const { emit } = run.context;
  emit({ kind: "step", step: "replay", state: "begin" });
  await run.record.journal({ step: "replay", state: "begin" });
  const summary = await replayPassing(run, pass, work);
  const now = finalWork(pass, work, summary);
  for (const one of now) await buildAll(run, one);
  await run.record.journal({ step: "replay", state: "done" });
  const { applied, skipped } = summary;
  await run.record.log(`oplog replayed: ${applied} operations, ${skipped} left out`);
  emit({ kind: "step", step: "replay", state: "end" });
  return { work: now, replayed: describe(summary) };
}

function describe(summary: ReplaySummary): Replayed {
  const { applied, skipped, created, dropped, touched, renamed, unfinishedTransactions } = summary;
  return {
    applied,
    skipped,
    created,
    dropped,
    touched,
    renamed: renamed.length,
    unfinishedTransactions,
  };
}

const keyOf = ({ database, name }: Target) => `${database}.${name}`;

/** What the log makes for a while has a name of ours, and goes in any case. */
async function replayPassing(run: Run, pass: Pass, work: readonly Work[]): Promise<ReplaySummary> {
  const { client } = run.deployment;
  const markers = markersOf(run.record.id, pass);
  await addMarkers(client, markers);
  try {
    return await replay(run, pass, work);
  } finally {
    await dropPassing(client, markers);
  }
}

function markersOf(restoreId: string, { plan, isPart }: Pass): (Marker & { source: string })[] {
  return plan.oplog.passing.flatMap(({ source, type, database, number }) =>
    isPart({ way: wayOfPassing(type, plan) })
      ? {
          ...{ database, name: ownName(restoreId, number), restoreId },
          ...{ role: "staged" as const, namespace: keyOf(source), source: keyOf(source) },
        }
      : [],
  );
}

function wayOfPassing(type: CollectionType, { mode }: RestorePlan): PlannedCollection["way"] {
  return mode === "in-place" || type === "timeseries" ? "in-place" : "swap";
}

async function dropPassing(client: MongoClient, markers: readonly Marker[]): Promise<void> {
  if (markers.length === 0) return;
  for (const marker of markers) await dropNamespace(client, marker);
  await removeMarkers(client, markers);
}

async function replay(run: Run, pass: Pass, work: readonly Work[]): Promise<ReplaySummary> {
  const { deployment, record, context } = run;
  const { plan, build, isPart } = pass;
  const planned = new Map(
    plan.collections.filter(isPart).map((one) => [keyOf(one.source), build.targetOf(one)]),
  );
  const passing = new Map<string, Target>(
    markersOf(record.id, pass).map((marker) => [marker.source, marker]),
  );
  return await replayOplog(deployment, readEntries(pass.oplog, context.signal), {
    locate: (database, name) => {
      const key = keyOf({ database, name });
      const target = planned.get(key) ?? passing.get(key);
      return target ? { database: target.database, collection: target.name } : null;
    },
    from: plan.oplog.from,
    to: plan.oplog.to,
    catalog: catalogOf(work),
    views: viewsIn(work),
    spillFolder: record.path,
    beforeCreate: (_, { database, collection }) =>
      record.journal({ step: "create", state: "begin", namespace: `${database}.${collection}` }),
    emit: context.emit,
    signal: context.signal,
  });
}

function catalogOf(work: readonly Work[]): IndexCatalog {
  const catalog = new IndexCatalog();
  for (const { planned, metadata } of work) {
    if (planned.type === "view") continue;
    const { database, name } = planned.source;
    const { options, indexes } = metadata ?? { options: EMPTY, indexes: [] };
    catalog.add({ database, collection: name }, { options, indexes });
  }
  return catalog;
}

const EMPTY = Buffer.from([5, 0, 0, 0, 0]);

const viewsIn = (work: readonly Work[]): ViewDefinition[] =>
  work
    .filter(({ planned }) => planned.type === "view")
    .map(({ planned, metadata }) => ({ ...planned.source, options: metadata?.options ?? EMPTY }));

function finalWork(
  { plan, build, isPart }: Pass,
  work: readonly Work[],
  { catalog, views }: ReplaySummary,
): Work[] {
  const before = new Map(work.map((one) => [keyOf(one.planned.source), one]));
  const viewsNow = new Map(views.applyTo(viewsIn(work)).map((view) => [keyOf(view), view]));
  return plan.collections.filter(isPart).map((planned): Work => {
    const { source } = planned;
    const known = before.get(keyOf(source));
    const archived = known?.archived ?? { ...source, type: planned.type, ...NOTHING };
    const found = catalog.get({ database: source.database, collection: source.name });
    const view = viewsNow.get(keyOf(source));
    const own = { archived, target: build.targetOf(planned) };
    if (!found && !view) return { ...own, planned, metadata: null, indexes: [], gone: true };
    const type = view && !found ? "view" : kindOf(found?.options);
    const metadata = {
      ...{ collectionName: source.name, type, uuid: null, indexes: found?.indexes ?? [] },
      options: found?.options ?? view?.options ?? EMPTY,
    } satisfies CollectionMetadata;
    const indexes = type === "view" ? [] : indexesOf(metadata, build.expiringToo(planned));
    return { ...own, planned: { ...planned, type }, metadata, indexes };
  });
}

const NOTHING = { dataFile: null, metadataFile: null, expected: null } as const;

function kindOf(options: Uint8Array | undefined): "timeseries" | "collection" {
  const isSeries = options && findElement(Buffer.from(options), 0, "timeseries") !== undefined;
  return isSeries ? "timeseries" : "collection";
}

/** One log, replayed onto what is staged and, later, onto what is handled in place: each leaves out the other's. */
export function bothPasses(staged: Replayed | null, inPlace: Replayed | null): Replayed | null {
  if (!staged || !inPlace) return staged ?? inPlace;
  return {
    ...staged,
    applied: staged.applied + inPlace.applied,
    skipped: Math.max(0, staged.skipped - inPlace.applied),
    created: [...staged.created, ...inPlace.created].sort(),
    dropped: [...staged.dropped, ...inPlace.dropped].sort(),
    touched: [...staged.touched, ...inPlace.touched].sort(),
    renamed: staged.renamed + inPlace.renamed,
  };
}
