// What a restore will do, decided before anything is done. Pure.
import { KeepError } from "../errors.ts";
import type { CollectionType } from "../archive/manifest.ts";

/** A namespace of the backup. */
export interface SourceNamespace {
  readonly database: string;
  readonly name: string;
  readonly type: CollectionType;
  /** null: a stock dump, which promises nothing. */
  readonly documents: number | null;
  readonly rawBytes: number | null;
  readonly contentHash: string | null;
}

/** A namespace as it stands on the server. The figures are the server's estimates, null where it gives none. */
export interface LiveNamespace {
  readonly database: string;
  readonly name: string;
  readonly type: CollectionType;
  readonly documents: number | null;
  readonly bytes: number | null;
}

export interface PlannedCollection {
  /** The target, `database.collection`. */
  readonly namespace: string;
  readonly database: string;
  readonly name: string;
  readonly source: { readonly database: string; readonly name: string };
  readonly type: CollectionType;
  readonly action: "create" | "replace";
  readonly documents: number | null;
  readonly rawBytes: number | null;
  readonly contentHash: string | null;
  readonly liveDocuments: number | null;
}

export interface RestorePlan {
  /** The backup's id, or the path of a stock dump; null where only namespaces are removed. */
  readonly backup: string | null;
  readonly mode: "in-place";
  readonly collections: readonly PlannedCollection[];
  /** Namespaces to drop: those that the restore being taken back had created. */
  readonly remove: readonly string[];
  /** Live namespaces of the target databases that stay as they are. */
  readonly keptLive: readonly string[];
  /** Databases whose users and roles are merged in; none where a database is renamed. */
  readonly usersOf: readonly string[];
  readonly targetDatabases: readonly string[];
  /** No live namespace is replaced or removed: there is nothing to protect. */
  readonly targetWasEmpty: boolean;
  readonly totals: {
    readonly collections: number;
    readonly documents: number;
    readonly rawBytes: number;
  };
}

export interface PlanRequest {
  readonly backup: string | null;
  readonly source: readonly SourceNamespace[];
  readonly live: readonly LiveNamespace[];
  /** Database in the backup → database to restore it as. Where any is given, only these are restored. */
  readonly rename: ReadonlyMap<string, string>;
  /** Namespaces of the backup to restore, with `*` for any run of characters; null: all. */
  readonly only: readonly string[] | null;
  readonly remove?: readonly string[];
  /** Databases of which the backup holds users and roles. */
  readonly accountsOf?: readonly string[];
}

const full = (n: { database: string; name: string }) => `${n.database}.${n.name}`;

function globToPattern(glob: string): RegExp {
  const literal = glob.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${literal.join(".*")}$`, "s");
}

/** @throws KeepError usage for a selection that names nothing, or two sources for one target */
export function planRestore(request: PlanRequest): RestorePlan {
  refuseServersOwn(request.rename);
  const selected = select(request);
  const live = new Map(request.live.map((n) => [full(n), n]));
  const collections = selected.map((n) => planOne(n, request.rename, live));
  assertDistinct(collections);
  const remove = (request.remove ?? []).filter((name) => live.has(name));
  const touched = new Set([...collections.map((c) => c.namespace), ...remove]);
  const targetDatabases = [...new Set(collections.map((c) => c.database))].sort();
  return {
    backup: request.backup,
    mode: "in-place",
    collections,
    remove,
    keptLive: request.live
      .filter((n) => targetDatabases.includes(n.database) && !touched.has(full(n)))
      .map(full),
    usersOf: request.only === null && request.rename.size === 0 ? (request.accountsOf ?? []) : [],
    targetDatabases,
    targetWasEmpty: remove.length === 0 && collections.every((c) => c.action === "create"),
    totals: {
      collections: collections.length,
      documents: sum(collections.map((c) => c.documents)),
      rawBytes: sum(collections.map((c) => c.rawBytes)),
    },
  };
}

const sum = (values: readonly (number | null)[]) =>
  values.reduce<number>((total, value) => total + (value ?? 0), 0);

function select(request: PlanRequest): SourceNamespace[] {
  const databases = new Set(request.source.map((n) => n.database));
  for (const from of request.rename.keys())
    if (!databases.has(from)) throw nothing(`--db ${from}`, [...databases]);
  const patterns = request.only?.map((glob) => ({ glob, pattern: globToPattern(glob) }));
  for (const { glob, pattern } of patterns ?? [])
    if (!request.source.some((n) => pattern.test(full(n))))
      throw nothing(`--only ${glob}`, request.source.map(full));
  return request.source.filter(
    (n) =>
      (request.rename.size === 0 || request.rename.has(n.database)) &&
      (patterns?.some(({ pattern }) => pattern.test(full(n))) ?? true),
  );
}

const SERVERS_OWN: readonly string[] = ["admin", "config", "local"];

function refuseServersOwn(rename: ReadonlyMap<string, string>): void {
  for (const [from, to] of rename)
    if (from !== to && SERVERS_OWN.includes(to))
      throw new KeepError("usage", `--db ${from}=${to}: ${to} belongs to the server`, {
        hint: "Name another database to restore into.",
      });
}

function nothing(option: string, there: readonly string[]): KeepError {
  const shown = there.slice(0, 8).join(", ") + (there.length > 8 ? ", …" : "");
  return new KeepError("usage", `${option} names nothing in this backup`, {
    hint: `The backup holds ${shown}.`,
  });
}

function planOne(
  n: SourceNamespace,
  rename: ReadonlyMap<string, string>,
  live: ReadonlyMap<string, LiveNamespace>,
): PlannedCollection {
  const database = rename.get(n.database) ?? n.database;
  const namespace = `${database}.${n.name}`;
  const present = live.get(namespace);
  return {
    namespace,
    database,
    name: n.name,
    source: { database: n.database, name: n.name },
    type: n.type,
    action: present ? "replace" : "create",
    documents: n.documents,
    rawBytes: n.rawBytes,
    contentHash: n.contentHash,
    liveDocuments: present?.documents ?? null,
  };
}

function assertDistinct(collections: readonly PlannedCollection[]): void {
  const seen = new Set<string>();
  for (const { namespace } of collections) {
    if (seen.has(namespace))
      throw new KeepError("usage", `two namespaces of the backup would become ${namespace}`, {
        hint: "Give each database of the backup another target with --db A=B.",
      });
    seen.add(namespace);
  }
}
