// What a restore will do, decided before anything is done. Pure.
import type { CollectionType } from "../../archive/manifest.ts";
import type { ClusterTime } from "../../mongo/server-info.ts";
import { selectSources } from "./select.ts";
import type { NamedSource, Selected, Selection } from "./select.ts";

/** A namespace of the backup. */
export interface SourceNamespace {
  readonly database: string;
  readonly name: string;
  readonly type: CollectionType;
  /** null: a stock dump, which promises nothing. */
  readonly documents: number | null;
  readonly rawBytes: number | null;
  readonly contentHash: string | null;
  /** How many indexes, `_id_` included; null where it is not known. */
  readonly indexes: number | null;
  /** ISO 8601: the latest time in its ObjectIds; null where there are none, or nobody looked. */
  readonly newestId?: string | null;
  /** The backup's files do not have it: its oplog makes it. */
  readonly fromOplog?: true;
}

/** A namespace as it stands on the server. The figures are the server's estimates, null where it gives none. */
export interface LiveNamespace {
  readonly database: string;
  readonly name: string;
  readonly type: CollectionType;
  readonly documents: number | null;
  readonly bytes: number | null;
  /** On the server's disk, indexes included. */
  readonly diskBytes: number | null;
  readonly indexes: number;
  /** ISO 8601: the time in the newest `_id`, where that is an ObjectId. */
  readonly newestId: string | null;
  /** No backup has it: the server drops it by itself (`temp`). */
  readonly temporary?: true;
}

/** `staged`: loaded and verified beside the live data, then swapped by rename. */
export type RestoreMode = "staged" | "in-place";

/**
 * How a namespace of a staged restore comes about. What no server renames (time series) and what must keep
 * its place (`system.js`, all of `admin`) is dropped and loaded within the window, in its own way.
 */
export type Way = "swap" | "view" | "in-place";

/** What stands under a name that a restore replaces. */
export type LiveState = Omit<LiveNamespace, "database" | "name" | "temporary">;

export interface PlannedCollection {
  /** The target, `database.collection`. */
  readonly namespace: string;
  readonly database: string;
  readonly name: string;
  readonly source: { readonly database: string; readonly name: string };
  readonly type: CollectionType;
  readonly action: "create" | "replace";
  readonly way: Way;
  readonly documents: number | null;
  readonly rawBytes: number | null;
  readonly indexes: number | null;
  readonly contentHash: string | null;
  /** ISO 8601: when the newest document of the backup was made, as far as its `_id` tells. */
  readonly newestId: string | null;
  readonly liveDocuments: number | null;
  /** null: nothing stands there. */
  readonly live: LiveState | null;
  /** The backup's files do not have it: its oplog makes it. Nothing is known of it before. */
  readonly fromOplog?: true;
}

/** The oplog that is replayed onto what was loaded. */
export interface PlannedOplog {
  /** The instant that the files are of, as far as they are of one; null: the log's beginning. */
  readonly from: ClusterTime | null;
  /** The instant that the restore ends with; null: the log's end. */
  readonly to: ClusterTime | null;
  /** What it makes and removes again, by the names in the backup, and the database where that happens. */
  readonly passing: readonly {
    readonly source: { readonly database: string; readonly name: string };
    readonly type: CollectionType;
    readonly database: string;
    /** Of its name among those that the restore gives (see parkedNames). */
    readonly number: number;
  }[];
  /** Namespaces of the backup, as they are restored, that it removes: they are gone in the end. */
  readonly removes: readonly string[];
}

export interface RestorePlan {
  /** The backup's id, or the path of a stock dump; null where only namespaces are removed. */
  readonly backup: string | null;
  readonly mode: RestoreMode;
  readonly collections: readonly PlannedCollection[];
  /** Namespaces to remove: those that the restore being undone had created, and with --exact all others. */
  readonly remove: readonly string[];
  /** Of these the time series, which no server renames: they are dropped, not retained. */
  readonly removeInPlace: readonly string[];
  /** Live namespaces of the target databases that stay as they are. */
  readonly keptLive: readonly string[];
  /** Databases whose users and roles are merged in; none where a database is renamed. */
  readonly usersOf: readonly string[];
  readonly targetDatabases: readonly string[];
  /** No live namespace is replaced or removed: there is nothing to protect. */
  readonly targetWasEmpty: boolean;
  /** Indexes and collections with an expiry begin to delete expired documents after the restore. */
  readonly expiry: boolean;
  /** null: the backup has none. */
  readonly oplog: PlannedOplog | null;
  readonly totals: {
    readonly collections: number;
    readonly documents: number;
    readonly rawBytes: number;
  };
}

export interface PlanRequest extends Partial<Selection> {
  readonly backup: string | null;
  /** Default: in place. */
  readonly mode?: RestoreMode;
  readonly source: readonly SourceNamespace[];
  readonly live: readonly LiveNamespace[];
  /** What exists only live goes too (--exact). */
  readonly exact?: boolean;
  readonly remove?: readonly string[];
  /** Databases of which the backup holds users and roles. */
  readonly accountsOf?: readonly string[];
  /** false: restored without their expiry (--no-ttl). */
  readonly expiry?: boolean;
  readonly oplog?: RequestedOplog | null;
}

/** What is known of the oplog before its names are chosen. */
export interface RequestedOplog extends Omit<PlannedOplog, "passing"> {
  readonly passing: readonly Omit<PlannedOplog["passing"][number], "number">[];
}

const full = (n: NamedSource) => `${n.database}.${n.name}`;

/** @throws KeepError usage for a selection that names nothing, or two sources for one target */
export function planRestore(request: PlanRequest): RestorePlan {
  const { mode = "in-place", only = null, exclude = [], expiry = true } = request;
  const { rename = new Map(), renameNamespaces = new Map() } = request;
  const selected = selectSources(request.source, { rename, renameNamespaces, only, exclude });
  const live = new Map(request.live.map((n) => [full(n), n]));
  const collections = selected.map((one) => planOne(one, mode, live));
  const passing = (request.oplog?.passing ?? []).map(({ database }) => database);
  const targetDatabases = [...new Set([...collections.map((c) => c.database), ...passing])].sort();
  const targets = new Set(collections.map((c) => c.namespace));
  const others = request.live
    .filter((n) => targetDatabases.includes(n.database) && !targets.has(full(n)))
    .map(full);
  const remove = [
    ...new Set([
      ...(request.remove ?? []).filter((name) => live.has(name)),
      ...(request.exact === true ? others.filter((name) => isRemovable(name, live)) : []),
    ]),
  ];
  const removed = new Set(remove);
  const whole = only === null && exclude.length === 0 && rename.size + renameNamespaces.size === 0;
  return {
    backup: request.backup,
    mode,
    collections,
    remove,
    removeInPlace: remove.filter((n) => mode === "in-place" || live.get(n)?.type === "timeseries"),
    keptLive: others.filter((name) => !removed.has(name)),
    usersOf: whole ? (request.accountsOf ?? []) : [],
    targetDatabases,
    targetWasEmpty: remove.length === 0 && collections.every((c) => c.action === "create"),
    expiry,
    oplog: request.oplog ? numbered(request.oplog, collections.length + remove.length) : null,
    totals: {
      collections: collections.length,
      documents: sum(collections.map((c) => c.documents)),
      rawBytes: sum(collections.map((c) => c.rawBytes)),
    },
  };
}

function numbered(oplog: RequestedOplog, taken: number): PlannedOplog {
  const passing = oplog.passing.map((one, n) => ({ ...one, number: 2 * (taken + 1 + n) }));
  return { ...oplog, passing };
}

const sum = (values: readonly (number | null)[]) =>
  values.reduce<number>((total, value) => total + (value ?? 0), 0);

/** Stored functions cannot be dropped, what is in `admin` is the server's, and no backup has temporary ones. */
const isRemovable = (namespace: string, live: ReadonlyMap<string, LiveNamespace>) =>
  !namespace.endsWith(".system.js") &&
  !/^(admin|config|local)\./.test(namespace) &&
  live.get(namespace)?.temporary !== true;

function planOne(
  { source, target }: Selected<SourceNamespace>,
  mode: RestoreMode,
  live: ReadonlyMap<string, LiveNamespace>,
): PlannedCollection {
  const namespace = full(target);
  const present = live.get(namespace);
  return {
    namespace,
    database: target.database,
    name: target.name,
    source: { database: source.database, name: source.name },
    type: source.type,
    action: present ? "replace" : "create",
    way: mode === "in-place" ? "in-place" : wayOf(source.type, target, present?.type),
    documents: source.documents,
    rawBytes: source.rawBytes,
    indexes: source.indexes,
    contentHash: source.contentHash,
    newestId: source.newestId ?? null,
    liveDocuments: present?.documents ?? null,
    live: present ? stateOf(present) : null,
    ...(source.fromOplog && { fromOplog: true }),
  };
}

function stateOf({
  type,
  documents,
  bytes,
  diskBytes,
  indexes,
  newestId,
}: LiveNamespace): LiveState {
  return { type, documents, bytes, diskBytes, indexes, newestId };
}

function wayOf(type: CollectionType, { database, name }: NamedSource, live?: CollectionType): Way {
  if (type === "timeseries" || live === "timeseries") return "in-place";
  if (name.startsWith("system.") || database === "admin" || database === "config")
    return "in-place";
  return type === "view" ? "view" : "swap";
}
