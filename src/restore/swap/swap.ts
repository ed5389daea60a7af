// Carries out a cutover: for each name, what stands there is renamed away and what was staged takes its place. Renames
// are metadata only: milliseconds each, whatever the size. What must stay true: nothing is dropped but views, whose
// options are in the record; and carrying out the same cutover again goes on where it stopped.
import type { MongoClient } from "mongodb";
import { MongoServerError } from "mongodb";
import { findString } from "../../bson/element.ts";
import { KeepError } from "../../errors.ts";
import { addMarkers, ownName } from "../../mongo/own-collections.ts";
import { isBlocked } from "../../mongo/obstacles.ts";
import { withinLimit } from "../../mongo/lock-limit.ts";
import type { LockLimit } from "../../mongo/lock-limit.ts";
import type { Marker } from "../../mongo/own-collections.ts";
import { CODES, driverError } from "../../mongo/server-error.ts";
import { createNamespace, dropNamespace, orderViews } from "../load/create.ts";
import { MAJORITY } from "../../mongo/write-concerns.ts";
import type { RestoreRecord } from "../record/record.ts";
import { runPool } from "../../util/task-pool.ts";
import { optionsBytes, readStandings } from "./standings.ts";
import { planClear, planPut } from "./swap-plan.ts";
import type { Move, Standing, SwapItem } from "./swap-plan.ts";

export interface SwapContext {
  readonly client: MongoClient;
  readonly restoreId: string;
  readonly record: Pick<RestoreRecord, "journal" | "note" | "log">;
  /** Backwards, the same moves undo. */
  readonly step: "swap" | "swap-back";
  /** How long each move may wait for its collection. */
  readonly lockLimit: LockLimit;
  /** What took a name while it was free is retained too. */
  readonly onIntruder: (namespace: string, aside: string) => void;
}

/** A writer that does not stop may take the name again and again. */
const TRIES = 10;
/** Renames at the same time: a server does twice as many so, and the service is down meanwhile. */
const WIDTH = 16;

/** @throws KeepError server-error, rights-missing, namespaces-changed; then part of the names may be swapped */
export async function carryOutSwap(
  context: SwapContext,
  items: readonly SwapItem[],
): Promise<void> {
  const looks: (readonly [string, readonly SwapItem[], ReadonlyMap<string, Standing>])[] = [];
  for (const [database, own] of Map.groupBy(items, (item) => item.database)) {
    const standings = await readStandings(context.client, database);
    for (const item of own) assertThere(item, standings);
    looks.push([database, own, standings]);
  }
  const { record, step } = context;
  // What will be moved, and by which UUIDs, is in swap.json: single moves need not be waited for.
  await record.journal({ step, state: "begin" });
  for (const [database, own, standings] of looks)
    await swapDatabase(context, database, own, standings);
  await record.journal({ step, state: "done" });
}

async function swapDatabase(
  context: SwapContext,
  database: string,
  items: readonly SwapItem[],
  look: ReadonlyMap<string, Standing>,
): Promise<void> {
  const taken = new Set(look.keys());
  const states = items.map((item): State => ({ item, taken, standings: namesOf(item, look) }));
  const isView = ({ item }: State) => item.new.kind === "view";
  const views = states.filter(isView);
  // A collection may have to take a name that a view has, and views need what they are built on.
  for (const state of views) await inTries(context, state, () => clear(context, state));
  const { signal } = new AbortController();
  const rest = states.filter((state) => !isView(state));
  await runPool(rest, WIDTH, signal, (state) => swapOne(context, state));
  for (const state of inOrder(views)) await swapOne(context, state);
  await settle(context, database, states);
}

/** Before the first move: no name is freed for what is no longer there. */
function assertThere(item: SwapItem, standings: ReadonlyMap<string, Standing>): void {
  const side = item.new;
  if (side.kind !== "collection") return;
  const stands = (name: string) => {
    const standing = standings.get(name);
    return standing?.kind === "collection" && standing.uuid === side.uuid;
  };
  if (!stands(item.name) && !stands(side.parked)) throw lost(item.database, item.name);
}

const lost = (database: string, name: string) =>
  new KeepError(
    "namespaces-changed",
    `what is to become ${database}.${name} is no longer on the server`,
    { hint: "Somebody dropped it. A backup of it can be restored: mongokeep list shows them." },
  );

interface State {
  readonly item: SwapItem;
  /** What stands under the names of this item. */
  standings: Map<string, Standing>;
  /** Names of the database that are not free: those of all items, and of all intruders. */
  readonly taken: Set<string>;
}

function namesOf(
  { name, old, new: next }: SwapItem,
  look: ReadonlyMap<string, Standing>,
): Map<string, Standing> {
  const parked = [old, next].flatMap((side) => (side.kind === "collection" ? [side.parked] : []));
  const own = [name, ...parked].flatMap((one) => {
    const standing = look.get(one);
    return standing ? [[one, standing] as const] : [];
  });
  return new Map(own);
}

async function swapOne(context: SwapContext, state: State): Promise<void> {
  await inTries(context, state, async () => {
    await clear(context, state);
    for (const move of planPut(state.item, state.standings)) await carryOut(context, state, move);
  });
}

/** Again with a new look, where what stood there was not what the last look had shown. */
async function inTries(
  { client }: SwapContext,
  state: State,
  act: () => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt++)
    try {
      await act();
      return;
    } catch (error) {
      const retried = error instanceof MovedOn && attempt < TRIES;
      if (!retried) throw error instanceof MovedOn ? error.cause : error;
      const look = await readStandings(client, state.item.database);
      state.standings = namesOf(state.item, look);
    }
}

async function clear(context: SwapContext, state: State): Promise<void> {
  for (const move of planClear(state.item, state.standings)) await carryOut(context, state, move);
}

/** What stands there is not what the last look showed. */
class MovedOn extends Error {}

async function carryOut(context: SwapContext, state: State, move: Move): Promise<void> {
  const { standings } = state;
  const { database } = state.item;
  switch (move.kind) {
    case "rename":
      await rename(context, state, move.from, move.to);
      return;
    case "intruder":
      await retainIntruder(context, state, move.from);
      return;
    case "drop-view":
      await withinLimit(context.lockLimit, `${database}.${move.name}`, (ms) =>
        dropNamespace(context.client, { database, name: move.name }, ms),
      );
      standings.delete(move.name);
      await noted(context, `${database}.${move.name}`);
      return;
    case "create-view":
      await createView(context, database, move.name, move.options);
      standings.set(move.name, { kind: "view", options: move.options });
      await noted(context, `${database}.${move.name}`);
      return;
    case "blocked":
      throw new KeepError(
        "namespaces-changed",
        `${database}.${move.name} became a time series meanwhile, which no server renames`,
      );
    case "lost":
      throw lost(database, move.name);
  }
}

async function noted({ record, step }: SwapContext, namespace: string): Promise<void> {
  await record.note({ step, state: "done", namespace });
}

async function rename(context: SwapContext, state: State, from: string, to: string): Promise<void> {
  const { standings } = state;
  const { database } = state.item;
  try {
    await withinLimit(context.lockLimit, `${database}.${from}`, (maxTimeMS) =>
      context.client.db("admin").command({
        renameCollection: `${database}.${from}`,
        to: `${database}.${to}`,
        // Made durable once for all (settle): nothing is dropped before that.
        writeConcern: { w: 1 },
        maxTimeMS,
      }),
    );
  } catch (error) {
    const mapped = driverError("rename", `${database}.${from}`, error);
    if (!(error instanceof MongoServerError)) throw mapped;
    const moved = [CODES.namespaceExists, CODES.namespaceNotFound] as readonly unknown[];
    throw moved.includes(error.code) ? new MovedOn(mapped.message, { cause: mapped }) : mapped;
  }
  const moved = standings.get(from);
  standings.delete(from);
  if (moved) standings.set(to, moved);
  await noted(context, `${database}.${from}`);
}

/** Never dropped: somebody's writes are in it. */
async function retainIntruder(context: SwapContext, state: State, name: string): Promise<void> {
  const { taken } = state;
  const { database } = state.item;
  const namespace = `${database}.${name}`;
  let n = FIRST_INTRUDER;
  while (taken.has(ownName(context.restoreId, n))) n++;
  const aside = ownName(context.restoreId, n);
  taken.add(aside);
  const marker: Marker = {
    ...{ database, name: aside, restoreId: context.restoreId, role: "aside", namespace },
  };
  await addMarkers(context.client, [marker]);
  await rename(context, state, name, aside);
  context.onIntruder(namespace, aside);
  await context.record.log(
    `${JSON.stringify(namespace)} was created by somebody else meanwhile: it is retained as ${aside}`,
  );
}

/** Beyond the numbers that the plan gives to staged and set-aside collections. */
const FIRST_INTRUDER = 1_000_000;

async function createView(
  { client, lockLimit }: SwapContext,
  database: string,
  name: string,
  options: string,
): Promise<void> {
  const raw = optionsBytes(options);
  const metadata = {
    ...{ collectionName: name, type: "view", uuid: null },
    options: raw,
    indexes: [],
  };
  try {
    await withinLimit(lockLimit, `${database}.${name}`, (ms) =>
      createNamespace(client, { database, name }, metadata, { maxTimeMS: ms }),
    );
  } catch (error) {
    const { serverCode } = error instanceof KeepError ? error.details : {};
    if (serverCode !== CODES.namespaceExists) throw error;
    throw new MovedOn(`${database}.${name} exists`, { cause: error });
  }
}

/** Waits until the renames are on disk and held by a majority. */
async function settle(
  context: SwapContext,
  database: string,
  states: readonly State[],
): Promise<void> {
  const standing = states.flatMap(({ standings }) => [...standings]);
  const [name] = standing.find(([, { kind }]) => kind === "collection") ?? [];
  if (name === undefined) return;
  try {
    await context.client.db(database).command({
      createIndexes: name,
      indexes: [{ key: { _id: 1 }, name: "_id_" }],
      writeConcern: { ...MAJORITY, j: true },
      maxTimeMS: MAJORITY.wtimeout + context.lockLimit.waitMs,
    });
  } catch (error) {
    const late =
      isBlocked(error) ||
      (error instanceof MongoServerError && error.code === CODES.writeConcernTimeout);
    // All names are as they should be: an undo has done what it can.
    if (late || context.step === "swap-back") return;
    throw driverError("create", database, error);
  }
}

function inOrder(states: readonly State[]): State[] {
  const views = states.map((state) => ({
    ...{ state, name: state.item.name, viewOn: viewOn(state.item) },
  }));
  return orderViews(views).map(({ state }) => state);
}

function viewOn({ new: side }: SwapItem): string {
  if (side.kind !== "view") return "";
  return findString(optionsBytes(side.options), 0, "viewOn") ?? "";
}
