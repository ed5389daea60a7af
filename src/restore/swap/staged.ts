// Loads and verifies a backup beside the live data, under staging names. Nothing live is touched.
import { setTimeout as sleep } from "node:timers/promises";
import type { MongoClient } from "mongodb";
import { MongoServerError } from "mongodb";
import type { OpenedBackup } from "../../archive/opened.ts";
import type { CollectionMetadata } from "../../archive/metadata.ts";
import { KeepError } from "../../errors.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { driverError } from "../../mongo/server-error.ts";
import {
  addMarkers,
  belongsTo,
  ownName,
  readMarkers,
  removeMarkers,
} from "../../mongo/own-collections.ts";
import type { Marker, OwnRole } from "../../mongo/own-collections.ts";
import { runPool } from "../../util/task-pool.ts";
import { dropNamespace } from "../load/create.ts";
import { createLoader } from "../load/load.ts";
import { collectWork, loadCollections } from "../load/load-collections.ts";
import type { Build, Run, Work } from "../load/load-collections.ts";
import type { PlannedCollection, RestorePlan } from "../plan/plan.ts";
import type { VerifiedCollection } from "../load/read-back.ts";
import { passOf, replayOnto, beforeReplay } from "../load/replay.ts";
import type { Replayed } from "../load/replay.ts";
import type { RestoreRecord } from "../record/record.ts";
import type { RestoreContext } from "../restore-context.ts";
import { splitNamespace } from "../plan/select.ts";
import { optionsText, readStandings } from "./standings.ts";
import { withDefinitions } from "./swap-definitions.ts";
import type { Side, Standing, SwapItem } from "./swap-plan.ts";

/** The names that a restore gives to what it keeps beside the live data, by the place in its plan. */
export interface ParkedNames {
  staged(namespace: string): string;
  retained(namespace: string): string;
}

/** The same for the same plan: they are in the record, and can be found again. */
export function parkedNames(restoreId: string, plan: RestorePlan): ParkedNames {
  const all = [...plan.collections.map((c) => c.namespace), ...plan.remove];
  const numbers = new Map(all.map((namespace, n) => [namespace, n]));
  const name = (namespace: string, offset: number) =>
    ownName(restoreId, 2 * (numbers.get(namespace) ?? all.length) + offset);
  return {
    staged: (namespace) => name(namespace, 0),
    retained: (namespace) => name(namespace, 1),
  };
}

export interface Staging {
  readonly work: readonly Work[];
  readonly proved: ReadonlyMap<Work, VerifiedCollection>;
  readonly loadSeconds: number;
  readonly proveSeconds: number;
  /** What the backup's oplog did to what is staged; null where there is none. */
  readonly replayed: Replayed | null;
}

/**
 * Loads, indexes and verifies every collection that will be swapped, under its staging name.
 * @throws KeepError as a load does; what was staged until then is there still (see dropOwn)
 */
export async function stage(
  deployment: Deployment,
  backup: OpenedBackup | null,
  plan: RestorePlan,
  record: RestoreRecord,
  context: RestoreContext,
): Promise<Staging> {
  const names = parkedNames(record.id, plan);
  const isSwapped = (c: PlannedCollection) => c.way === "swap";
  const build: Build = {
    targetOf: (c) => (isSwapped(c) ? { database: c.database, name: names.staged(c.namespace) } : c),
    expiringToo: isSwapped,
  };
  const isStaged = ({ way }: Pick<PlannedCollection, "way">) => way !== "in-place";
  const work = backup ? await collectWork(backup, plan, build) : [];
  const pass = passOf(backup, plan, build, isStaged);
  const swapped = work.filter(({ planned }) => isSwapped(planned));
  await addMarkers(
    deployment.client,
    // Also what only the oplog will make.
    plan.collections
      .filter(isSwapped)
      .map((planned) =>
        markerOf(record.id, "staged", { planned, target: build.targetOf(planned) }),
      ),
  );
  using loader = (context.createLoader ?? createLoader)(deployment);
  // Nothing live changes here, and what a crash leaves is found by its markers: the end of the phase flushes them all.
  const noting: RestoreRecord = { ...record, journal: (entry) => record.note(entry) };
  const run: Run = { deployment, loader, record: noting, context, proving: { seconds: 0 } };
  const began = performance.now();
  const proved = await loadCollections(run, pass ? beforeReplay(swapped) : swapped);
  const staged = work.filter(({ planned }) => isStaged(planned));
  const after = pass ? await replayOnto(run, pass, staged) : null;
  const loadSeconds = (performance.now() - began) / 1000;
  const rest = work.filter(({ planned }) => !isStaged(planned));
  return {
    work: after ? [...after.work, ...rest] : work,
    ...{ proved, loadSeconds, proveSeconds: run.proving.seconds },
    replayed: after?.replayed ?? null,
  };
}

function markerOf(
  restoreId: string,
  role: OwnRole,
  { planned, target }: Pick<Work, "planned" | "target">,
): Marker {
  const { namespace } = planned;
  return { database: target.database, name: target.name, restoreId, role, namespace };
}

/**
 * What the swap will do, by what stands on the server now. Collections that are handled in place, and time
 * series that are to be removed, are none of its business.
 */
export async function planSwap(
  deployment: Deployment,
  restoreId: string,
  plan: RestorePlan,
  work: readonly Work[],
): Promise<SwapItem[]> {
  const names = parkedNames(restoreId, plan);
  const standings = new Map<string, Map<string, Standing>>();
  const look = async (database: string) => {
    const known = standings.get(database) ?? (await readStandings(deployment.client, database));
    standings.set(database, known);
    return known;
  };
  const items: SwapItem[] = [];
  for (const { planned, metadata, gone } of work.filter((w) => w.planned.way !== "in-place")) {
    const { database, name, namespace } = planned;
    const there = await look(database);
    const staged = names.staged(namespace);
    const old = sideOf(there.get(name), names.retained(namespace));
    const isView = planned.way === "view";
    const side: Side = gone
      ? { kind: "none" }
      : isView
        ? viewSide(metadata)
        : stagedSide(there, staged);
    if (!gone || old.kind !== "none") items.push({ database, name, old, new: side });
  }
  for (const namespace of plan.remove) {
    const { database, name } = splitNamespace(namespace);
    const old = sideOf((await look(database)).get(name), names.retained(namespace));
    if (old.kind !== "none") items.push({ database, name, old, new: { kind: "none" } });
  }
  return await withDefinitions(deployment, items);
}

function stagedSide(there: ReadonlyMap<string, Standing>, staged: string): Side {
  const standing = there.get(staged);
  // Without UUIDs nobody could tell what was swapped from what was not.
  if (standing?.kind === "collection" && standing.uuid === "")
    throw new KeepError("unfit-server", "the server gives its collections no UUIDs", {
      hint: "Restore with --in-place.",
    });
  if (standing?.kind === "collection")
    return { kind: "collection", uuid: standing.uuid, parked: staged };
  throw new KeepError("namespaces-changed", `the staged collection ${staged} is gone`, {
    hint: "Somebody dropped it. Run the restore again.",
  });
}

function viewSide(metadata: CollectionMetadata | null): Side {
  return { kind: "view", options: optionsText(metadata?.options ?? Buffer.from([5, 0, 0, 0, 0])) };
}

export function sideOf(standing: Standing | undefined, parked: string): Side {
  if (standing?.kind === "collection") return { kind: "collection", uuid: standing.uuid, parked };
  if (standing?.kind === "view") return standing;
  return { kind: "none" };
}

/** Markers for every name that the swap may give, before it gives any. */
export async function markParked(
  deployment: Deployment,
  restoreId: string,
  items: readonly SwapItem[],
): Promise<void> {
  const markers = items.flatMap(({ database, name, old, new: next }) =>
    (
      [
        [old, "aside"],
        [next, "staged"],
      ] as const
    ).flatMap(([side, role]) =>
      // What another restore retained keeps that restore's marker.
      side.kind === "collection" && belongsTo(restoreId, side.parked)
        ? [{ database, name: side.parked, restoreId, role, namespace: `${database}.${name}` }]
        : [],
    ),
  );
  await addMarkers(deployment.client, markers);
}

/**
 * Drops what a restore keeps beside the live data, where `which` says so, with the markers; and markers of
 * what is no longer there. Gives the namespaces that were dropped.
 */
export async function dropOwn(
  { client }: Pick<Deployment, "client">,
  databases: readonly string[],
  which: (marker: Marker) => boolean,
): Promise<string[]> {
  const dropped: string[] = [];
  for (const database of databases) {
    const markers = (await readMarkers(client, database)).filter(which);
    if (markers.length === 0) continue;
    await untilIdle(client, new Set(markers.map((m) => `${database}.${m.name}`)));
    const standings = await readStandings(client, database);
    const there = markers.filter((marker) => standings.has(marker.name));
    await runPool(there, DROPS_AT_ONCE, new AbortController().signal, async (marker) => {
      await dropNamespace(client, marker);
      dropped.push(`${database}.${marker.name}`);
    });
    await removeMarkers(client, markers);
  }
  return dropped;
}

/** The server waits for its disk at each. */
const DROPS_AT_ONCE = 8;
const IDLE_LOOK_MS = 50;
interface IdleWait {
  readonly waitMs: number;
  readonly looks: number;
  /** Other programs' operations of this account count too, as those of mongorestore. */
  readonly ofOthers: boolean;
}

const DROP_WAIT: IdleWait = { waitMs: 3_000, looks: 1, ofOthers: true };

/**
 * Waits until the server no longer works on these namespaces: a command of a run that was interrupted goes on
 * after its connection is closed, and would create again what was dropped under it. `looks`: so many in a row
 * must show nothing, for a command may be on its way at the first.
 */
export async function untilIdle(
  client: MongoClient,
  namespaces: ReadonlySet<string>,
  { waitMs, looks, ofOthers }: IdleWait = DROP_WAIT,
): Promise<void> {
  const end = performance.now() + waitMs;
  for (let idle = 0; performance.now() < end;) {
    idle = (await isBusy(client, namespaces, ofOthers)) ? 0 : idle + 1;
    if (idle === looks) return;
    await sleep(IDLE_LOOK_MS);
  }
}

interface Operation {
  readonly ns?: unknown;
  readonly renamed?: unknown;
}

async function isBusy(
  client: MongoClient,
  namespaces: ReadonlySet<string>,
  ofOthers: boolean,
): Promise<boolean> {
  try {
    // One's own operations may be listed without any right, and may be those of another program.
    const { appName = "" } = client.options;
    const operations = await client
      .db("admin")
      .aggregate([
        { $currentOp: { allUsers: false } },
        { $match: { active: true, ...(ofOthers ? {} : { appName }) } },
      ])
      .project<Operation>({ ns: 1, renamed: "$command.renameCollection" })
      .toArray();
    // Of a rename that waits for its locks the server tells no namespace but in its command.
    return operations.some(({ ns, renamed }) =>
      [ns, renamed].some((one) => typeof one === "string" && namespaces.has(one)),
    );
  } catch (error) {
    if (error instanceof MongoServerError) return false;
    throw driverError("list", "the server's operations", error);
  }
}

/** Takes away the markers of a restore whose collections no longer bear these names. */
export async function pruneMarkers(
  { client }: Pick<Deployment, "client">,
  databases: readonly string[],
  restoreId: string,
): Promise<void> {
  for (const database of databases) {
    const markers = (await readMarkers(client, database)).filter((m) => m.restoreId === restoreId);
    if (markers.length === 0) continue;
    const standings = await readStandings(client, database);
    const gone = markers.filter((m) => !standings.has(m.name));
    if (gone.length > 0) await removeMarkers(client, gone);
  }
}
