// Follows each collection through the kept entries by its UUID: its name at the instant, whether it still exists, and
// whether the data read for it is its own. Finds entries that cannot be replayed. Pure. What must stay true: at the end
// every collection that existed at the instant and still exists was read whole after its last unseen rename, or
// `unread` names it (docs/architecture.md, "How consistency is chosen").
import { findElement, findString, TYPE_BINARY } from "../bson/element.ts";
import { documentAt } from "../bson/fields.ts";
import { hasOwnForm } from "../mongo/own-collections.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import { classifyEntry, classifyOperation } from "./entry.ts";
import { compareTimes } from "./cluster-time.ts";
import type { Operation, Place } from "./operation.ts";

export interface Unreplayable {
  /** A description, such as "a change of the server's feature compatibility version". */
  readonly what: string;
  readonly namespace: string;
}

/** A collection by its UUID, as hex without dashes. */
export interface KnownCollection {
  /** Its full name; for a time series its own name, not that of its buckets. */
  readonly namespace: string;
  readonly uuid: string;
}

/** The time from before a read to after it; the collection had the same name at both ends. */
export interface ReadSpan {
  readonly since: ClusterTime;
  readonly until: ClusterTime;
}

export interface Watch {
  /** The first entry that cannot be replayed; null while there is none. */
  readonly problem: Unreplayable | null;
  /** Adds a kept entry, in oplog order. */
  see(entry: Buffer): void;
  /** Records that the collection was read whole. */
  settle(uuid: string, span: ReadSpan): void;
  /** The name at the instant; null for a collection that was created later. */
  nameAtInstant(known: KnownCollection): string | null;
  /** Collections of the backup that exist and were not read, by their names at the instant. */
  unread(): KnownCollection[];
  /**
   * If nothing is unread: collections that were never listed or read, and that the log renames before it drops them.
   */
  gone(): KnownCollection[];
  /** Whether a collection of the listing has been dropped, renamed or replaced so far. */
  readonly moved: boolean;
}

/**
 * @param listed the collections of the listing, which may be newer than the instant @param takes whether a full name
 * belongs to the backup
 */
export function createWatch(
  listed: readonly KnownCollection[],
  takes: (namespace: string) => boolean,
): Watch {
  return new CollectionWatch(listed, takes);
}

/** Holds the feature compatibility version, which a replay must not change. */
const VERSIONS = "admin.system.version";

const nameOf = ({ database, collection }: Place) => `${database}.${collection}`;

/** A collection that existed at the instant. */
interface Member {
  readonly uuid: string;
  readonly isListed: boolean;
  /** Its name at the instant: the first one in the log, or that of the listing. */
  first: string;
  now: string;
  isSeen: boolean;
  isDropped: boolean;
  readonly renames: ClusterTime[];
  read: ReadSpan | null;
}

class CollectionWatch implements Watch {
  problem: Unreplayable | null = null;
  moved = false;
  readonly #takes: (namespace: string) => boolean;
  readonly #members = new Map<string, Member>();
  /** Created after the instant: the log contains all of its writes. */
  readonly #born = new Set<string>();
  /** Every name so far: operations of the command applyOps may have no UUID. */
  readonly #names = new Set<string>();

  constructor(listed: readonly KnownCollection[], takes: (namespace: string) => boolean) {
    this.#takes = takes;
    for (const one of listed) this.#add(one, true);
  }

  settle(uuid: string, span: ReadSpan): void {
    const member = this.#members.get(uuid);
    if (member) member.read = span;
  }

  nameAtInstant({ uuid, namespace }: KnownCollection): string | null {
    if (this.#born.has(uuid)) return null;
    return this.#members.get(uuid)?.first ?? namespace;
  }

  unread(): KnownCollection[] {
    return [...this.#members.values()]
      .filter((one) => !one.isDropped && this.#takes(one.now) && !isReadWhole(one))
      .map(toKnown);
  }

  gone(): KnownCollection[] {
    return [...this.#members.values()]
      .filter((one) => !one.isListed && one.renames.length > 0 && one.read === null)
      .map(toKnown);
  }

  see(entry: Buffer): void {
    const { at, ...operation } = classifyEntry(entry);
    this.#walk(entry, operation, at);
  }

  #report(what: string, namespace: string): void {
    this.problem ??= { what, namespace };
  }

  #walk(raw: Buffer, operation: Operation, at: ClusterTime): void {
    switch (operation.kind) {
      case "ignore":
      case "view":
      case "dropViews":
      // The server logs a drop of each collection first.
      case "dropDatabase":
      case "commitTransaction":
      case "abortTransaction":
        return;
      case "unknown":
        this.#report(operation.what, findString(raw, 0, "ns") ?? "");
        return;
      case "applyOps":
        for (const inner of operation.operations) this.#walk(inner, classifyOperation(inner), at);
        return;
      default:
        this.#about(raw, operation, at);
    }
  }

  #about(raw: Buffer, operation: OnOneCollection, at: ClusterTime): void {
    const namespace = nameOf(operation.kind === "rename" ? operation.from : operation.place);
    const uuid = uuidAt(raw, "ui");
    if (namespace === VERSIONS)
      this.#report("a change of the server's feature compatibility version", namespace);
    else if (uuid === null) this.#withoutUuid(operation, namespace);
    else if (operation.kind === "create") this.#bear(uuid, namespace);
    else if (operation.kind === "rename") this.#rename(raw, uuid, operation, at);
    else {
      const member = this.#meet(uuid, namespace);
      if (member && operation.kind === "drop") this.#drop(member);
    }
  }

  #withoutUuid({ kind }: OnOneCollection, namespace: string): void {
    const isKnown = this.#names.has(namespace) && kind !== "drop" && kind !== "rename";
    if (kind === "create") this.#names.add(namespace);
    else if (!isKnown) this.#report("an entry without the UUID of its collection", namespace);
  }

  #bear(uuid: string, namespace: string): void {
    this.#names.add(namespace);
    this.#born.add(uuid);
    this.#members.delete(uuid);
  }

  #drop(member: Member): void {
    member.isDropped = true;
    this.moved ||= member.isListed;
  }

  #rename(raw: Buffer, uuid: string, { from, to }: { from: Place; to: Place }, at: ClusterTime) {
    const member = this.#meet(uuid, nameOf(from));
    const replaced = uuidAt(documentAt(raw, "o"), "dropTarget");
    const target = replaced === null ? null : this.#meet(replaced, nameOf(to));
    if (target) this.#drop(target);
    if (!member) return;
    if (!member.isListed && hasOwnForm(from.collection))
      this.#report("a restore that exchanges collections", nameOf(to));
    member.now = nameOf(to);
    member.renames.push(at);
    this.#names.add(member.now);
    this.moved ||= member.isListed;
  }

  /** null: it was created after the instant. */
  #meet(uuid: string, namespace: string): Member | null {
    if (this.#born.has(uuid)) return null;
    const member = this.#members.get(uuid) ?? this.#add({ uuid, namespace }, false);
    if (!member.isSeen) {
      member.isSeen = true;
      member.first = member.now = namespace;
    }
    return member;
  }

  #add({ uuid, namespace }: KnownCollection, isListed: boolean): Member {
    const member = {
      ...{ uuid, isListed, first: namespace, now: namespace, isSeen: false, isDropped: false },
      ...{ renames: [], read: null },
    };
    this.#members.set(uuid, member);
    this.#names.add(namespace);
    return member;
  }
}

const toKnown = ({ uuid, first }: Member): KnownCollection => ({ uuid, namespace: first });

type WithoutCollection =
  | "ignore"
  | "view"
  | "dropViews"
  | "dropDatabase"
  | "commitTransaction"
  | "abortTransaction"
  | "unknown"
  | "applyOps";
type OnOneCollection = Exclude<Operation, { kind: WithoutCollection }>;

/** A rename within the span: when it was read, the name may have belonged to another collection, or to none. */
function isReadWhole({ read, renames }: Member): boolean {
  if (read === null) return false;
  const { since, until } = read;
  return !renames.some((at) => compareTimes(at, since) > 0 && compareTimes(at, until) <= 0);
}

/** A binary of 16 bytes as hex; null for anything else. */
function uuidAt(b: Buffer | null, name: string): string | null {
  const found = b && findElement(b, 0, name);
  if (found?.type !== TYPE_BINARY || b?.readInt32LE(found.at) !== 16) return null;
  return b.toString("hex", found.at + 5, found.at + 21);
}
