// Carries a swap out: for each name, what stands there is set aside and what was staged takes its place.
// Renames are metadata only: milliseconds each, whatever the size. What must stay true: nothing is dropped
// but views, whose options are in the record; and carrying the same swap out again goes on where it stopped.
import type { MongoClient } from "mongodb";
import { MongoServerError } from "mongodb";
import { findString } from "../bson/element.ts";
import { KeepError } from "../errors.ts";
import { addMarkers, ownName } from "../mongo/own-collections.ts";
import type { Marker } from "../mongo/own-collections.ts";
import { CODES, driverError } from "../mongo/server-error.ts";
import { createNamespace, dropNamespace, orderViews } from "./create.ts";
import { MAJORITY } from "./indexes.ts";
import type { RestoreRecord } from "./record.ts";
import { optionsBytes, readStandings } from "./standings.ts";
import { planClear, planPut } from "./swap-plan.ts";
import type { Move, Standing, SwapItem } from "./swap-plan.ts";

export interface SwapContext {
  readonly client: MongoClient;
  readonly restoreId: string;
  readonly record: Pick<RestoreRecord, "journal" | "log">;
  /** Backwards, the same moves undo. */
  readonly step: "swap" | "swap-back";
  /** What took a name while it was free is set aside too. */
  readonly onIntruder: (namespace: string, aside: string) => void;
}

/** A writer that does not stop may take the name again and again. */
const TRIES = 10;

/** @throws KeepError server-error, rights-missing, namespaces-changed; then part of the names may be swapped */
export async function carryOutSwap(
  context: SwapContext,
  items: readonly SwapItem[],
): Promise<void> {
  const databases = [...Map.groupBy(items, (item) => item.database)];
  const looks = new Map<string, Map<string, Standing>>();
  for (const [database, own] of databases) {
    const standings = await readStandings(context.client, database);
    looks.set(database, standings);
    for (const item of own) assertThere(item, standings);
  }
  for (const [database, own] of databases) {
    const state: State = {
      database,
      standings: looks.get(database) ?? new Map<string, Standing>(),
    };
    const isView = (item: SwapItem) => item.new.kind === "view";
    // A collection may have to take a name that a view has, and views need what they are built on.
    for (const item of own.filter(isView)) await clear(context, state, item);
    for (const item of own.filter((i) => !isView(i))) await swapOne(context, state, item);
    for (const item of orderItems(own.filter(isView))) await swapOne(context, state, item);
    await settle(context, database, state);
  }
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
  readonly database: string;
  standings: Map<string, Standing>;
}

async function swapOne(context: SwapContext, state: State, item: SwapItem): Promise<void> {
  for (let attempt = 1; ; attempt++)
    try {
      await clear(context, state, item);
      for (const move of planPut(item, state.standings)) await carryOut(context, state, move);
      return;
    } catch (error) {
      const retried = error instanceof MovedOn && attempt < TRIES;
      if (!retried) throw error instanceof MovedOn ? error.cause : error;
      state.standings = await readStandings(context.client, state.database);
    }
}

async function clear(context: SwapContext, state: State, item: SwapItem): Promise<void> {
  for (const move of planClear(item, state.standings)) await carryOut(context, state, move);
}

/** What stands there is not what the last look showed. */
class MovedOn extends Error {}

async function carryOut(context: SwapContext, state: State, move: Move): Promise<void> {
  const { database, standings } = state;
  switch (move.kind) {
    case "rename":
      await rename(context, state, move.from, move.to);
      return;
    case "intruder":
      await setIntruderAside(context, state, move.from);
      return;
    case "drop-view":
      await journalled(context, `${database}.${move.name}`, () =>
        dropNamespace(context.client, { database, name: move.name }),
      );
      standings.delete(move.name);
      return;
    case "create-view":
      await journalled(context, `${database}.${move.name}`, () =>
        createView(context.client, database, move.name, move.options),
      );
      standings.set(move.name, { kind: "view", options: move.options });
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

async function rename(context: SwapContext, state: State, from: string, to: string): Promise<void> {
  const { database, standings } = state;
  await journalled(context, `${database}.${from}`, async () => {
    try {
      await context.client.db("admin").command({
        renameCollection: `${database}.${from}`,
        to: `${database}.${to}`,
        // Made durable once for all (settle): nothing is dropped before that.
        writeConcern: { w: 1 },
      });
    } catch (error) {
      const mapped = driverError("rename", `${database}.${from}`, error);
      if (!(error instanceof MongoServerError)) throw mapped;
      const moved = [CODES.namespaceExists, CODES.namespaceNotFound] as readonly unknown[];
      throw moved.includes(error.code) ? new MovedOn(mapped.message, { cause: mapped }) : mapped;
    }
  });
  const moved = standings.get(from);
  standings.delete(from);
  if (moved) standings.set(to, moved);
}

/** Never dropped: somebody's writes are in it. */
async function setIntruderAside(context: SwapContext, state: State, name: string): Promise<void> {
  const { database, standings } = state;
  const namespace = `${database}.${name}`;
  let n = FIRST_INTRUDER;
  while (standings.has(ownName(context.restoreId, n))) n++;
  const aside = ownName(context.restoreId, n);
  const marker: Marker = {
    ...{ database, name: aside, restoreId: context.restoreId, role: "aside", namespace },
  };
  await addMarkers(context.client, [marker]);
  await rename(context, state, name, aside);
  context.onIntruder(namespace, aside);
  await context.record.log(
    `${JSON.stringify(namespace)} was created by somebody else meanwhile: it is set aside as ${aside}`,
  );
}

/** Beyond the numbers that the plan gives to staged and set-aside collections. */
const FIRST_INTRUDER = 1_000_000;

async function createView(
  client: MongoClient,
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
    await createNamespace(client, { database, name }, metadata);
  } catch (error) {
    const { serverCode } = error instanceof KeepError ? error.details : {};
    if (serverCode !== CODES.namespaceExists) throw error;
    throw new MovedOn(`${database}.${name} exists`, { cause: error });
  }
}

async function journalled(
  { record, step }: SwapContext,
  namespace: string,
  act: () => Promise<void>,
): Promise<void> {
  await record.journal({ step, state: "begin", namespace });
  await act();
  await record.journal({ step, state: "done", namespace });
}

/** Waits until the renames are on disk and held by a majority. */
async function settle(context: SwapContext, database: string, { standings }: State): Promise<void> {
  const collection = [...standings].find(
    ([name, { kind }]) => kind === "collection" && !name.startsWith("system."),
  );
  if (!collection) return;
  try {
    await context.client.db(database).command({
      createIndexes: collection[0],
      indexes: [{ key: { _id: 1 }, name: "_id_" }],
      writeConcern: { ...MAJORITY, j: true },
    });
  } catch (error) {
    const late = error instanceof MongoServerError && error.code === CODES.writeConcernTimeout;
    // All names are as they should be: an undo has done what it can.
    if (late || context.step === "swap-back") return;
    throw driverError("create", database, error);
  }
}

function orderItems(items: readonly SwapItem[]): SwapItem[] {
  const views = items.map((item) => ({ item, name: item.name, viewOn: viewOn(item) }));
  return orderViews(views).map(({ item }) => item);
}

function viewOn({ new: side }: SwapItem): string {
  if (side.kind !== "view") return "";
  return findString(optionsBytes(side.options), 0, "viewOn") ?? "";
}
