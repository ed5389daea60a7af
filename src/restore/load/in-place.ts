// Carries out a plan in place: drop, create, load, index, verify, expire. Each step on a namespace is journalled first.
import type { MongoClient } from "mongodb";
import type { CollectionMetadata } from "../../archive/metadata.ts";
import type { OpenedBackup } from "../../archive/opened.ts";
import { findString } from "../../bson/element.ts";
import { KeepError } from "../../errors.ts";
import { withinLimit } from "../../mongo/lock-limit.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { accountFilesOf } from "./account-files.ts";
import { createNamespace, dropNamespace, orderViews } from "./create.ts";
import { expireAll } from "./expiry.ts";
import { settleWrites } from "./indexes.ts";
import { createLoader } from "./load.ts";
import { collectWork, IN_PLACE, loadCollections } from "./load-collections.ts";
import type { Run, Work } from "./load-collections.ts";
import type { RestorePlan } from "../plan/plan.ts";
import { notVerified } from "./read-back.ts";
import type { VerifiedCollection } from "./read-back.ts";
import type { RestoreRecord } from "../record/record.ts";
import { passOf, replayOnto, beforeReplay } from "./replay.ts";
import type { Replayed } from "./replay.ts";
import type { RestoreContext } from "../restore-context.ts";
import { optionsText, readStandings } from "../swap/standings.ts";
import { step } from "../record/step.ts";
import { mergeAccounts } from "./users.ts";

export interface RestoreOutcome {
  readonly collections: readonly VerifiedCollection[];
  /** From the first drop to the last verification. */
  readonly loadSeconds: number;
  /** Of these, in verifications: their sum over the collections, some at the same time. */
  readonly proveSeconds: number;
  /** What the backup's oplog did; null where there is none. */
  readonly replayed: Replayed | null;
}

/** A plan whose source is there and whose loader is connected: what may fail while nothing live has changed. */
export interface ReadyInPlace extends Disposable {
  /**
   * Changes the live data: from the first drop on, a failure leaves it between two states, and the caller
   * must undo. @throws KeepError server-error, rights-missing, damaged (the comparison failed), unreachable
   */
  apply(record: RestoreRecord): Promise<RestoreOutcome>;
}

/** `backup` is null where the plan only removes namespaces. @throws KeepError failed, damaged, unreachable */
export async function prepareInPlace(
  deployment: Deployment,
  backup: OpenedBackup | null,
  plan: RestorePlan,
  context: RestoreContext,
): Promise<ReadyInPlace> {
  assertSource(backup, plan);
  const files = backup ? await collectWork(backup, plan, IN_PLACE) : [];
  const loader = (context.createLoader ?? createLoader)(deployment);
  if (files.length > 0) await loader.prepare();
  return {
    apply: (record) => {
      const run = { deployment, loader, record, context, proving: { seconds: 0 } };
      return apply(run, backup, plan, files);
    },
    [Symbol.dispose]: () => {
      loader[Symbol.dispose]();
    },
  };
}

/** Both at once, for whoever has nothing to lose in between. */
export async function applyInPlace(
  deployment: Deployment,
  backup: OpenedBackup | null,
  plan: RestorePlan,
  record: RestoreRecord,
  context: RestoreContext,
): Promise<RestoreOutcome> {
  using ready = await prepareInPlace(deployment, backup, plan, context);
  context.signal.throwIfAborted();
  return await ready.apply(record);
}

async function apply(
  run: Run,
  backup: OpenedBackup | null,
  plan: RestorePlan,
  files: readonly Work[],
): Promise<RestoreOutcome> {
  const { deployment, context } = run;
  const pass = passOf(backup, plan, IN_PLACE);
  const replaced = plan.collections.filter((c) => c.action === "replace");
  for (const namespace of plan.remove) await remove(run, namespace);
  const began = performance.now();
  await dropReplaced(run, replaced);
  const proved = await loadCollections(run, pass ? beforeReplay(files) : files);
  const after = pass ? await replayOnto(run, pass, files) : null;
  const work = after?.work.filter((one) => !one.gone) ?? files;
  await createViews(run, work);
  if (plan.expiry) await expireAll(run, work);
  if (backup) await mergeAll(run, backup, plan);
  // After all of it: a server that is killed from here on must not lose views or accounts either.
  const planned = work.map((one) => one.planned);
  await settleWrites(deployment.client, planned, context.emit);
  const loadSeconds = (performance.now() - began) / 1000;
  await context.verifyDefinitions?.(work);
  const views = await verifyViews(deployment.client, work);
  return {
    collections: [...inOrderOf(files, proved), ...views],
    ...{ loadSeconds, proveSeconds: run.proving.seconds, replayed: after?.replayed ?? null },
  };
}

/** What is dropped must come from somewhere. */
function assertSource(backup: OpenedBackup | null, { collections }: RestorePlan): void {
  const [first] = collections;
  if (backup !== null || first === undefined) return;
  throw new KeepError("failed", `there is no backup to load ${first.namespace} from`, {
    hint: "The record of the restore in restores/ names its safety backups: one of them must be in the backup folder.",
  });
}

async function remove(run: Run, namespace: string): Promise<void> {
  const dot = namespace.indexOf(".");
  const target = { database: namespace.slice(0, dot), name: namespace.slice(dot + 1) };
  await drop(run, namespace, target);
}

async function drop(
  { deployment: { client }, ...run }: Run,
  namespace: string,
  target: { readonly database: string; readonly name: string },
): Promise<void> {
  const { lockLimit } = run.context;
  await step(run, { name: "drop", namespace }, () =>
    lockLimit
      ? withinLimit(lockLimit, namespace, (ms) => dropNamespace(client, target, ms))
      : dropNamespace(client, target),
  );
}

async function dropReplaced(run: Run, replaced: RestorePlan["collections"]): Promise<void> {
  for (const planned of replaced) await drop(run, planned.namespace, planned);
}

/** The verifications of what the backup's files hold, in the order of the plan. */
function inOrderOf(
  work: readonly Work[],
  proved: ReadonlyMap<Work, VerifiedCollection>,
): VerifiedCollection[] {
  const byName = new Map([...proved.values()].map((one) => [one.namespace, one]));
  return work.flatMap(({ planned }) => byName.get(planned.namespace) ?? []);
}

async function createViews(run: Run, work: readonly Work[]): Promise<void> {
  const views = work
    .filter((w) => w.planned.type === "view")
    .map((w) => ({ ...w, name: w.planned.name, viewOn: viewOn(w.metadata) }));
  for (const view of orderViews(views))
    await step(run, { name: "create", namespace: view.planned.namespace }, () =>
      createNamespace(run.deployment.client, view.planned, view.metadata),
    );
}

function viewOn(metadata: CollectionMetadata | null): string {
  if (!metadata) return "";
  return findString(Buffer.from(metadata.options), 0, "viewOn") ?? "";
}

/** A view holds no documents: what is compared is its definition, byte for byte as the server keeps it. */
export async function verifyViews(
  client: MongoClient,
  work: readonly Work[],
): Promise<VerifiedCollection[]> {
  const views = work.filter(({ planned, gone }) => planned.type === "view" && !gone);
  const proved: VerifiedCollection[] = [];
  for (const [database, own] of Map.groupBy(views, ({ planned }) => planned.database)) {
    const standings = await readStandings(client, database);
    for (const { planned, metadata } of own) {
      const there = standings.get(planned.name);
      const isSame =
        there?.kind === "view" && metadata && there.options === optionsText(metadata.options);
      const { namespace } = planned;
      proved.push(
        isSame
          ? { namespace, documents: 0, equal: true, verified: "definition" }
          : notVerified(namespace),
      );
    }
  }
  return proved;
}

/** Merges the accounts of the planned databases. */
export async function mergeAll(
  run: Run,
  backup: OpenedBackup,
  plan: Pick<RestorePlan, "usersOf">,
): Promise<void> {
  for (const database of plan.usersOf) {
    const files = await accountFilesOf(backup, database);
    if (files.users === null && files.roles === null) continue;
    await step(run, { name: "users", namespace: database }, () =>
      mergeAccounts(run.deployment, run.loader, files, run.context.signal),
    );
  }
}
