// Plans the rollback of a restore whose replaced data is still retained: the same renames in the other direction.
import { join } from "node:path";
import { openBackup } from "../../../archive/reader.ts";
import type { OpenedBackup } from "../../../archive/opened.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { databasesWithAccounts } from "../../../restore/load/account-files.ts";
import { inspectLive } from "../../../restore/plan/live.ts";
import type { PlannedCollection, RestorePlan } from "../../../restore/plan/plan.ts";
import { OWN_PREFIX } from "../../../mongo/own-collections.ts";
import { isApplied, leftStopped, protectedBy } from "../../../restore/record/record-state.ts";
import type { RetainedFacts, StoredRecord } from "../../../restore/record/record.ts";
import { parkedNames, sideOf } from "../../../restore/swap/staged.ts";
import { readStandings } from "../../../restore/swap/standings.ts";
import { withDefinitions } from "../../../restore/swap/swap-definitions.ts";
import type { Standing, SwapItem } from "../../../restore/swap/swap-plan.ts";
import type { JobContext } from "../../context.ts";
import { freeRestoreId, inPlacePart } from "../run/safety-backup.ts";
import type { Expected, RestoreOrder, Since } from "./order.ts";
import { warnAccountsNotHeld } from "../run/verify-accounts.ts";
import { openInPlace } from "./state-before.ts";
import { planUndo } from "../run/in-place.ts";

/** null: not all of the replaced data is retained any more. */
export async function planSwapBack(
  context: JobContext,
  deployment: Deployment,
  record: StoredRecord,
  useService: boolean,
): Promise<RestoreOrder | null> {
  if (record.swap === null || !isApplied(record.state)) return null;
  const standings = await lookAt(deployment, record.swap);
  const aside = asideByUuid(standings);
  const located = record.swap.map((item) => locate(item, aside));
  if (!located.every((item) => item !== null)) return null;
  const inPlaceBackup = await openInPlace(context, record);
  const accounts = await openAccounts(context, record);
  warnAccountsNotHeld(context.emit, accounts, record.recorded.plan.usersOf);
  const plan = await planFor(context, deployment, record, { inPlaceBackup, accounts });
  const id = await freeRestoreId(
    ...([context.settings.backupDir, context.clock.now(), context.settings.timezone] as const),
  );
  const names = parkedNames(id, plan);
  const items = located.map((item): SwapItem => {
    const there = standings.get(item.database)?.get(item.name);
    const aside = names.retained(`${item.database}.${item.name}`);
    return { ...item, old: sideOf(there, aside), new: item.old };
  });
  const expected: Expected = new Map(record.recorded.plan.collections.map((c) => [c.namespace, c]));
  return {
    backup: inPlaceBackup,
    plan,
    rollbackOf: record.id,
    restoreId: id,
    leftStopped: leftStopped(record.entries),
    swapBack: {
      ...{ accounts, expected, since: sinceOf(record) },
      items: await withDefinitions(deployment, items),
    },
    skipPreBackup: false,
    useService,
    protectOnly: null,
  };
}

/** When the restored collections held what the backup has; null where an oplog changed them after that. */
function sinceOf({ entries, recorded, swap }: StoredRecord): Since | null {
  const time = entries.find((e) => e.step === "live-change" && e.state === "begin")?.time;
  if (!time || recorded.plan.oplog) return null;
  const uuids = (swap ?? []).flatMap(({ database, name, new: side }) =>
    side.kind === "collection" ? [[`${database}.${name}`, side.uuid] as const] : [],
  );
  return { time, uuids: new Map(uuids) };
}

type Look = ReadonlyMap<string, ReadonlyMap<string, Standing>>;

async function lookAt({ client }: Deployment, items: readonly SwapItem[]): Promise<Look> {
  const databases = [...new Set(items.map((item) => item.database))];
  const looks = databases.map(async (d) => [d, await readStandings(client, d)] as const);
  return new Map(await Promise.all(looks));
}

/** The names of retained collections, by database and UUID. */
function asideByUuid(look: Look): ReadonlyMap<string, string> {
  return new Map(
    [...look].flatMap(([database, standings]) =>
      [...standings].flatMap(([name, there]) =>
        name.startsWith(OWN_PREFIX) && there.kind === "collection"
          ? [[`${database}.${there.uuid}`, name] as const]
          : [],
      ),
    ),
  );
}

/**
 * The item, with the name under which what the restore replaced stands now: rollbacks since may have set it
 * aside under another one. null: it cannot be put back by a rename.
 */
function locate(item: SwapItem, aside: ReadonlyMap<string, string>): SwapItem | null {
  const { database, old } = item;
  if (old.kind !== "collection") return item;
  const parked = aside.get(`${database}.${old.uuid}`);
  return parked === undefined ? null : { ...item, old: { ...old, parked } };
}

/** Where the restore merged no accounts, none have to come back. */
async function openAccounts(
  { settings, place }: JobContext,
  { entries, recorded }: StoredRecord,
): Promise<OpenedBackup | null> {
  const id = protectedBy(entries);
  if (id === null || recorded.plan.usersOf.length === 0) return null;
  return await openBackup(join(settings.backupDir, id), place);
}

async function planFor(
  context: JobContext,
  deployment: Deployment,
  record: StoredRecord,
  from: { readonly inPlaceBackup: OpenedBackup | null; readonly accounts: OpenedBackup | null },
): Promise<RestorePlan> {
  const { plan } = record.recorded;
  const { signal } = context;
  const part = inPlacePart(plan);
  const inPlace = part ? await planUndo(deployment, from.inPlaceBackup, part, signal) : null;
  const swap = record.swap ?? [];
  const databases = [...new Set(swap.map((item) => item.database))];
  const live = new Map(
    (await inspectLive(deployment, databases, signal)).map((n) => [`${n.database}.${n.name}`, n]),
  );
  const known = knownOf(record);
  const collections = swap
    .filter(({ old }) => old.kind !== "none")
    .map((item) => plannedOf(item, known, live.get(`${item.database}.${item.name}`) ?? null));
  const created = swap.filter(({ old }) => old.kind === "none");
  const remove = created.map((i) => `${i.database}.${i.name}`).filter((n) => live.has(n));
  const all = [...collections, ...(inPlace?.collections ?? [])];
  return {
    backup: protectedBy(record.entries),
    mode: "staged",
    collections: all,
    remove: [...remove, ...(inPlace?.remove ?? [])],
    removeInPlace: inPlace?.remove ?? [],
    keptLive: [],
    usersOf: from.accounts ? await databasesWithAccounts(from.accounts) : [],
    targetDatabases: [...new Set([...databases, ...(inPlace?.targetDatabases ?? [])])].sort(),
    targetWasEmpty: all.every((c) => c.action === "create") && remove.length === 0,
    // What is loaded in place expires as it did; what is renamed never stopped to.
    expiry: true,
    oplog: null,
    totals: {
      collections: all.length,
      documents: all.reduce((sum, c) => sum + (c.documents ?? 0), 0),
      rawBytes: all.reduce((sum, c) => sum + (c.rawBytes ?? 0), 0),
    },
  };
}

/** What the record says of each namespace. */
interface Known {
  readonly aside: ReadonlyMap<string, RetainedFacts>;
  readonly was: ReadonlyMap<string, PlannedCollection["live"]>;
}

function knownOf({ entries, recorded }: StoredRecord): Known {
  return {
    // The last one of a namespace holds.
    aside: new Map(
      entries.flatMap(({ step, namespace, aside }) =>
        step === "aside" && namespace !== undefined && aside ? [[namespace, aside] as const] : [],
      ),
    ),
    was: new Map(recorded.plan.collections.map((c) => [c.namespace, c.live])),
  };
}

function plannedOf(
  { database, name, old }: SwapItem,
  known: Known,
  live: Awaited<ReturnType<typeof inspectLive>>[number] | null,
): PlannedCollection {
  const namespace = `${database}.${name}`;
  const isView = old.kind === "view";
  const facts = known.aside.get(namespace);
  const was = known.was.get(namespace);
  return {
    namespace,
    database,
    name,
    source: { database, name },
    type: isView ? "view" : "collection",
    action: live ? "replace" : "create",
    way: isView ? "view" : "swap",
    documents: facts?.documents ?? null,
    rawBytes: null,
    indexes: was?.indexes ?? null,
    contentHash: facts?.contentHash ?? null,
    newestId: was?.newestId ?? null,
    liveDocuments: live?.documents ?? null,
    live,
  };
}
