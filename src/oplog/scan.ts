// Walks through a log before anything changes, without executing it: which collections exist at its end, and whether it
// can be replayed at all. What must stay true: it follows the same rules as the replay.
import type { CollectionType } from "../archive/manifest.ts";
import { findString } from "../bson/element.ts";
import { documentAt } from "../bson/fields.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import { compareTimes } from "./cluster-time.ts";
import { classifyEntry, classifyOperation } from "./entry.ts";
import { BUCKETS, isBornTemporary, RENAMED_ACROSS } from "./operation.ts";
import type { Operation, Place } from "./operation.ts";
import { about, incoherent, notAlone, notInBackup, notKnown } from "./replay-error.ts";
import type { About } from "./replay-error.ts";

export interface NamedKind {
  readonly database: string;
  readonly name: string;
  readonly type: CollectionType;
}

export interface OplogScan {
  readonly entries: number;
  readonly first: ClusterTime | null;
  readonly last: ClusterTime | null;
  /** Collections that the log creates, that the backup does not have, and that exist at the end. */
  readonly made: readonly NamedKind[];
  /** Collections that the log creates and removes again: the replay needs a name for them. */
  readonly passing: readonly NamedKind[];
  /** Collections of the backup that the log removes. */
  readonly removed: readonly NamedKind[];
  /** Names that change their kind: a view replaces a collection, or the reverse. */
  readonly changed: readonly NamedKind[];
}

export interface ScanOptions {
  /** Collections of the backup, as far as they are restored. */
  readonly initial: readonly NamedKind[];
  readonly from: ClusterTime | null;
  readonly to: ClusterTime | null;
  /** Whether a collection is part of the restore. */
  readonly isRestored: (database: string, collection: string) => boolean;
  /** Whether a collection created in a database may become part of the restore. */
  readonly mayPass: (database: string) => boolean;
  readonly signal: AbortSignal;
}

/**
 * @throws KeepError not-in-this-version for an unknown entry, usage for a selection that the log does not allow,
 * damaged if the log and the backup do not fit together
 */
export async function scanOplog(
  entries: AsyncIterable<Buffer>,
  options: ScanOptions,
): Promise<OplogScan> {
  const names = new Names(options);
  const open = new Map<string, Effects>();
  let count = 0;
  let first: ClusterTime | null = null;
  let last: ClusterTime | null = null;
  for await (const raw of entries) {
    options.signal.throwIfAborted();
    const entry = classifyEntry(raw);
    const { at } = entry;
    if (options.to && compareTimes(at, options.to) > 0) break;
    count++;
    first ??= at;
    last = at;
    const isOld = options.from !== null && compareTimes(at, options.from) < 0;
    const apply = (effects: Effects | undefined) => {
      if (!isOld && effects) for (const one of effects.values()) names.take(one, at);
    };
    if (entry.kind === "commitTransaction") {
      if (!isOld && !open.has(entry.key))
        throw incoherent(about(entry, at), "its parts are missing");
      apply(open.get(entry.key));
    }
    if (entry.kind === "commitTransaction" || entry.kind === "abortTransaction")
      open.delete(entry.key);
    else if (entry.kind === "applyOps" && entry.transaction) {
      const { key, partial, prepare } = entry.transaction;
      const effects = gather(entry, open.get(key));
      if (partial || prepare) open.set(key, effects);
      else {
        apply(effects);
        open.delete(key);
      }
    } else apply(gather(entry));
  }
  return { entries: count, first, last, ...names.summarize() };
}

/** Operations; for some collections only one of several writes is recorded. */
type Effects = Map<string, Operation>;

function gather(operation: Operation, into: Effects = new Map()): Effects {
  if (operation.kind === "applyOps")
    for (const child of operation.operations) gather(classifyOperation(child), into);
  else if (
    operation.kind === "insert" ||
    operation.kind === "update" ||
    operation.kind === "delete"
  )
    into.set(`write ${keyOf(operation.place)}`, operation);
  else if (operation.kind !== "ignore") into.set(String(into.size), operation);
  return into;
}

interface Named {
  readonly database: string;
  readonly collection: string;
}

const keyOf = ({ database, collection }: Named) => `${database}.${collection}`;

/** Tracks which names exist, entry by entry. */
class Names {
  readonly #isSelected: (place: Named) => boolean;
  readonly #mayPass: (database: string) => boolean;
  readonly #initial: ReadonlyMap<string, NamedKind>;
  readonly #now: Map<string, NamedKind>;
  readonly #ever: Map<string, NamedKind>;
  readonly #missing = new Map<string, About>();
  /** Collections that are kept only if they are renamed: temporary ones, and those that were not selected. */
  readonly #passing = new Set<string>();

  constructor({ initial, isRestored, mayPass }: ScanOptions) {
    this.#isSelected = ({ database, collection }) => isRestored(database, collection);
    this.#mayPass = mayPass;
    this.#initial = new Map(
      initial.map((one) => [keyOf({ database: one.database, collection: one.name }), one]),
    );
    this.#now = new Map(this.#initial);
    this.#ever = new Map();
  }

  take(operation: Operation, at: ClusterTime): void {
    switch (operation.kind) {
      case "ignore":
        return;
      case "unknown":
        throw notKnown(about(operation, at), operation.what);
      case "create":
        this.#create(operation.place, operation.o);
        return;
      case "drop":
        this.#remove(operation.place);
        return;
      case "rename":
        this.#rename(operation.from, operation.to, at);
        return;
      case "dropDatabase":
      case "dropViews":
        this.#removeAllOf(operation.database, operation.kind === "dropViews");
        return;
      case "view":
        this.#view({ database: operation.database, collection: operation.view }, operation);
        return;
      default:
        if ("place" in operation) this.#expect(operation.place, about(operation, at));
    }
  }

  #isRestored(place: Named): boolean {
    return this.#passing.has(keyOf(place)) || this.#isSelected(place);
  }

  #create(place: Place, o: Buffer): void {
    const isTemporary = isBornTemporary(o);
    const isUnnamed = !this.#isSelected(place) && RENAMED_ACROSS.test(place.collection);
    if ((isTemporary || isUnnamed) && this.#mayPass(place.database))
      this.#passing.add(keyOf(place));
    this.#make(place, typeOf(place, o));
  }

  #make(place: Named, type: CollectionType): void {
    if (!this.#isRestored(place)) return;
    const named = { database: place.database, name: place.collection, type };
    this.#now.set(keyOf(place), named);
    this.#ever.set(keyOf(place), named);
  }

  #remove(place: Named): void {
    this.#now.delete(keyOf(place));
    this.#missing.delete(keyOf(place));
    this.#passing.delete(keyOf(place));
  }

  #removeAllOf(database: string, viewsOnly: boolean): void {
    for (const { database: own, name, type } of [...this.#now.values()])
      if (own === database && (type === "view" || !viewsOnly))
        this.#remove({ database, collection: name });
  }

  #rename(from: Place, to: Place, at: ClusterTime): void {
    if (!this.#isSelected(to)) {
      this.#remove(from);
      return;
    }
    if (!this.#isRestored(from)) throw notAlone(from, to, at);
    const known = this.#now.get(keyOf(from));
    this.#remove(from);
    this.#missing.delete(keyOf(to));
    this.#passing.delete(keyOf(to));
    if (known) this.#make(to, known.type);
    else if (!this.#now.has(keyOf(to)))
      this.#missing.set(keyOf(to), { kind: "rename", namespace: keyOf(to), at });
  }

  #view(view: Named, { change, o }: { change: string; o: Buffer }): void {
    const there = this.#now.get(keyOf(view));
    if (change === "delete" && there?.type === "view") this.#remove(view);
    // The server stores a time series as a view over its buckets.
    if (
      change === "insert" &&
      !(findString(o, 0, "viewOn") ?? "").startsWith(BUCKETS) &&
      there?.type !== "timeseries"
    )
      this.#make(view, "view");
  }

  /** A missing collection must be dropped later in the log; the dump no longer saw it. */
  #expect(place: Place, by: About): void {
    const key = keyOf(place);
    if (this.#isRestored(place) && !this.#now.has(key) && !this.#missing.has(key))
      this.#missing.set(key, by);
  }

  summarize(): Pick<OplogScan, "made" | "passing" | "removed" | "changed"> {
    for (const by of this.#missing.values()) throw notInBackup(by);
    const stays = ({ database, name }: NamedKind) =>
      this.#now.has(keyOf({ database, collection: name })) &&
      !this.#passing.has(keyOf({ database, collection: name }));
    const before = ({ database, name }: NamedKind) =>
      this.#initial.get(keyOf({ database, collection: name }));
    const made = [...this.#ever.values()].filter((one) => !before(one));
    return {
      made: made.filter(stays),
      passing: made.filter((one) => !stays(one)),
      removed: [...this.#initial.values()].filter((one) => !stays(one)),
      changed: [...this.#now.values()].filter(
        (one) => (before(one)?.type ?? one.type) !== one.type,
      ),
    };
  }
}

function typeOf(place: Place, o: Buffer): CollectionType {
  return place.buckets || documentAt(o, "timeseries") !== null ? "timeseries" : "collection";
}
