// Carries out a plan in place: drop, create, load, index, prove, expire. Each step is journalled first.
import type { CollectionMetadata } from "../archive/metadata.ts";
import { readMetadata } from "../archive/reader.ts";
import type { ArchivedCollection, OpenedBackup } from "../archive/reader.ts";
import { findString, isCapped } from "../bson/element.ts";
import { KeepError } from "../errors.ts";
import type { Deployment } from "../mongo/deployment.ts";
import { dataCollection } from "../mongo/namespaces.ts";
import { accountFilesOf } from "./account-files.ts";
import {
  collectionExpiry,
  createNamespace,
  dropNamespace,
  orderViews,
  setExpiry,
} from "./create.ts";
import { buildIndexes, settleWrites, splitIndexes } from "./indexes.ts";
import { createLoader } from "./load.ts";
import type { Loader } from "./load.ts";
import type { PlannedCollection, RestorePlan } from "./plan.ts";
import { proveCollection } from "./prove.ts";
import type { ProvedCollection } from "./prove.ts";
import { runPool } from "../util/task-pool.ts";
import type { RestoreContext } from "./restore-context.ts";
import type { RestoreRecord } from "./record.ts";
import { mergeAccounts } from "./users.ts";

export interface RestoreOutcome {
  readonly collections: readonly ProvedCollection[];
  /** From the first drop to the last proof. */
  readonly loadSeconds: number;
  /** Of these, in proofs: their sum over the collections, some at the same time. */
  readonly proveSeconds: number;
}

/** A planned collection with what the archive has of it. */
interface Work {
  readonly planned: PlannedCollection;
  readonly archived: ArchivedCollection;
  readonly metadata: CollectionMetadata | null;
}

/**
 * Changes the live data: from the first drop on, a failure leaves it between two states, and the caller
 * must put the old one back. `backup` is null where the plan only removes namespaces.
 * @throws KeepError server-error, rights-missing, damaged (the proof failed), unreachable
 */
export async function applyInPlace(
  deployment: Deployment,
  backup: OpenedBackup | null,
  plan: RestorePlan,
  record: RestoreRecord,
  context: RestoreContext,
): Promise<RestoreOutcome> {
  const work = backup ? await collectWork(backup, plan) : [];
  using loader = createLoader(deployment);
  if (work.length > 0) await loader.prepare();
  context.signal.throwIfAborted();
  await record.journal({ step: "live-change", state: "begin" });
  const run: Run = { deployment, loader, record, context, proving: { seconds: 0 } };
  for (const namespace of plan.remove) await remove(run, namespace);
  const began = performance.now();
  const collections = await loadAll(run, work);
  await settleWrites(
    deployment.client,
    work.map((w) => w.planned),
    context.emit,
  );
  const loadSeconds = (performance.now() - began) / 1000;
  await createViews(run, work);
  await expireAll(run, work);
  if (backup) await mergeAll(run, backup, plan);
  await record.journal({ step: "live-change", state: "done" });
  const proveSeconds = run.proving.seconds;
  return { collections: [...collections, ...viewsOf(work)], loadSeconds, proveSeconds };
}

interface Run {
  readonly deployment: Deployment;
  readonly loader: Loader;
  readonly record: RestoreRecord;
  readonly context: RestoreContext;
  readonly proving: { seconds: number };
}

async function collectWork(backup: OpenedBackup, plan: RestorePlan): Promise<Work[]> {
  const byName = new Map(backup.collections.map((c) => [`${c.database}.${c.name}`, c]));
  const work: Work[] = [];
  for (const planned of plan.collections) {
    const archived = byName.get(`${planned.source.database}.${planned.source.name}`);
    if (!archived)
      throw new KeepError("damaged", `the backup no longer holds ${planned.namespace}`);
    work.push({ planned, archived, metadata: await readMetadata(archived) });
  }
  return work;
}

/** One journalled step on a namespace; a failure is journalled and logged in full, then thrown. */
async function step<T>(
  run: Run,
  name: "drop" | "create" | "load" | "index" | "prove" | "expire" | "users",
  namespace: string,
  act: () => Promise<T>,
): Promise<T> {
  run.context.signal.throwIfAborted();
  await run.record.journal({ step: name, state: "begin", namespace });
  try {
    const result = await act();
    await run.record.journal({ step: name, state: "done", namespace });
    await run.record.log(`${name} ${JSON.stringify(namespace)} done`);
    return result;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    await run.record.journal({ step: name, state: "failed", namespace, message });
    await run.record.log(`${name} ${JSON.stringify(namespace)} FAILED: ${message}`);
    throw error;
  }
}

async function remove(run: Run, namespace: string): Promise<void> {
  const dot = namespace.indexOf(".");
  const target = { database: namespace.slice(0, dot), name: namespace.slice(dot + 1) };
  await step(run, "drop", namespace, () => dropNamespace(run.deployment.client, target));
}

/** Two at a time: while one loads, the other's indexes build or its proof is read. */
const WIDTH = 2;

/**
 * Drops what is replaced, then takes each collection through load, indexes and proof, the largest first.
 * Half the server's work of one overlaps with the other's; a failure stops both.
 */
async function loadAll(run: Run, work: readonly Work[]): Promise<ProvedCollection[]> {
  for (const { planned } of work)
    if (planned.action === "replace")
      await step(run, "drop", planned.namespace, () =>
        dropNamespace(run.deployment.client, planned),
      );
  const collections = work
    .filter((w) => w.planned.type !== "view")
    .sort((a, b) => (b.planned.rawBytes ?? 0) - (a.planned.rawBytes ?? 0));
  const progress = createProgress(run, work);
  const proved = new Map<Work, ProvedCollection>();
  await runPool(collections, WIDTH, run.context.signal, async (one, signal) => {
    const own = { ...run, context: { ...run.context, signal } };
    const documents = await loadOne(own, one, progress);
    await indexOne(own, one);
    proved.set(one, await proveOne(own, one, documents));
  });
  return work.flatMap((one) => proved.get(one) ?? []);
}

function createProgress(run: Run, work: readonly Work[]) {
  const totalBytes = work.reduce((sum, w) => sum + (w.planned.rawBytes ?? 0), 0);
  let documents = 0;
  let bytes = 0;
  return {
    /** Nearly all bytes are in one collection: two connections do for it what two collections do. */
    isAlone: ({ rawBytes }: PlannedCollection) => (rawBytes ?? 0) > 0.9 * totalBytes,
    add: (namespace: string, moreDocuments: number, moreBytes: number) => {
      documents += moreDocuments;
      bytes += moreBytes;
      run.context.emit({ kind: "progress", step: "load", namespace, documents, bytes, totalBytes });
    },
  };
}

async function loadOne(
  run: Run,
  { planned, archived, metadata }: Work,
  progress: ReturnType<typeof createProgress>,
): Promise<number> {
  await step(run, "create", planned.namespace, () =>
    createNamespace(run.deployment.client, planned, metadata),
  );
  const { dataFile } = archived;
  const inOrder = metadata !== null && isCapped(metadata.options);
  if (dataFile === null) return 0;
  return await step(run, "load", planned.namespace, () =>
    run.loader.load(
      dataFile,
      {
        database: planned.database,
        collection: dataCollection(planned.type, planned.name),
        bypassValidation: planned.type === "collection",
      },
      {
        connections: inOrder || !progress.isAlone(planned) ? 1 : 2,
        signal: run.context.signal,
        onLoaded: (documents, bytes) => {
          progress.add(planned.namespace, documents, bytes);
        },
      },
    ),
  );
}

async function indexOne(run: Run, { planned, metadata }: Work): Promise<void> {
  if (!metadata) return;
  const { plain } = splitIndexes(metadata);
  if (plain.length === 0) return;
  await step(run, "index", planned.namespace, () =>
    buildIndexes(run.deployment.client, planned, plain),
  );
}

async function proveOne(run: Run, { planned }: Work, loaded: number): Promise<ProvedCollection> {
  const began = performance.now();
  const expectedDocuments = planned.documents ?? loaded;
  const proved = await step(run, "prove", planned.namespace, async () => {
    const found = await proveCollection(
      run.deployment,
      { ...planned, expectedDocuments },
      run.context,
    );
    if (found.equal) return found;
    throw new KeepError(
      "failed",
      `${planned.namespace}: what the server holds after the load is not what the backup holds`,
    );
  });
  run.proving.seconds += (performance.now() - began) / 1000;
  return proved;
}

async function createViews(run: Run, work: readonly Work[]): Promise<void> {
  const views = work
    .filter((w) => w.planned.type === "view")
    .map((w) => ({ ...w, name: w.planned.name, viewOn: viewOn(w.metadata) }));
  for (const view of orderViews(views))
    await step(run, "create", view.planned.namespace, () =>
      createNamespace(run.deployment.client, view.planned, view.metadata),
    );
}

function viewOn(metadata: CollectionMetadata | null): string {
  if (!metadata) return "";
  return findString(Buffer.from(metadata.options), 0, "viewOn") ?? "";
}

const viewsOf = (work: readonly Work[]): ProvedCollection[] =>
  work
    .filter((w) => w.planned.type === "view")
    .map((w) => ({ namespace: w.planned.namespace, documents: 0, equal: true }));

/** Expiry comes last: the server may delete expired documents from here on. */
async function expireAll(run: Run, work: readonly Work[]): Promise<void> {
  const { client } = run.deployment;
  for (const { planned, metadata } of work) {
    if (!metadata || planned.type === "view") continue;
    const { expiring } = splitIndexes(metadata);
    const expiry = collectionExpiry(metadata);
    if (expiring.length === 0 && expiry === null) continue;
    await step(run, "expire", planned.namespace, async () => {
      await buildIndexes(client, planned, expiring);
      if (expiry !== null) await setExpiry(client, planned, expiry);
    });
  }
}

async function mergeAll(run: Run, backup: OpenedBackup, plan: RestorePlan): Promise<void> {
  for (const database of plan.usersOf) {
    const files = await accountFilesOf(backup, database);
    if (files.users === null && files.roles === null) continue;
    await step(run, "users", database, () =>
      mergeAccounts(run.deployment, run.loader, files, run.context.signal),
    );
  }
}
