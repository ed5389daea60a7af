// Finds in the kept entries what no replay could make whole: a collection that came from outside of the
// backup, or went away before it was read, and entries that the replay does not know. Pure.
import { findString } from "../bson/element.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import { classifyEntry, classifyOperation } from "./entry.ts";
import { compareTimes } from "./cluster-time.ts";
import type { Operation, Place } from "./operation.ts";

export interface Unreplayable {
  /** What it is, like "a rename from a collection that is not in the backup". */
  readonly what: string;
  readonly namespace: string;
}

export interface Watch {
  /** Only the first is kept. */
  readonly problem: Unreplayable | null;
  /** An entry that is kept, in the oplog's order. */
  see(entry: Buffer): void;
  /** The collection was read whole, and stood under its name at `at`. */
  settle(namespace: string, at: ClusterTime): void;
}

/**
 * @param listed whole names of what the backup holds at its instant; all entries change what is there since
 * @param takes whether a whole name belongs to the backup
 */
export function createWatch(
  listed: readonly string[],
  takes: (namespace: string) => boolean,
): Watch {
  return new NamespaceWatch(listed, takes);
}

/** Holds the feature compatibility version, which no replay may change. */
const VERSIONS = "admin.system.version";

const nameOf = ({ database, collection }: Place) => `${database}.${collection}`;

class NamespaceWatch implements Watch {
  problem: Unreplayable | null = null;
  readonly #takes: (namespace: string) => boolean;
  /** All there is by now, as far as the entries tell. */
  readonly #present: Set<string>;
  /** Those of the listing that are still the same collection. */
  readonly #original: Set<string>;
  readonly #settled = new Map<string, ClusterTime>();

  constructor(listed: readonly string[], takes: (namespace: string) => boolean) {
    this.#takes = takes;
    this.#present = new Set(listed);
    this.#original = new Set(listed);
  }

  settle(namespace: string, at: ClusterTime): void {
    this.#settled.set(namespace, at);
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
      case "unknown":
        this.#report(operation.what, findString(raw, 0, "ns") ?? "");
        return;
      case "applyOps":
        for (const inner of operation.operations) this.#walk(inner, classifyOperation(inner), at);
        return;
      case "insert":
      case "update":
      case "delete":
        this.#write(operation.place);
        return;
      case "create":
        this.#present.add(nameOf(operation.place));
        return;
      case "drop":
        this.#forget(nameOf(operation.place));
        return;
      case "rename":
        this.#rename(operation.from, operation.to, at);
        return;
      case "dropDatabase":
        for (const name of this.#present)
          if (name.startsWith(`${operation.database}.`)) this.#forget(name);
        return;
      default:
    }
  }

  #write(place: Place): void {
    const name = nameOf(place);
    if (name === VERSIONS)
      this.#report("a change of the server's feature compatibility version", name);
    else if (!this.#present.has(name))
      this.#report("a write to a collection that is not in the backup", name);
  }

  #forget(namespace: string): void {
    this.#present.delete(namespace);
    this.#original.delete(namespace);
  }

  #rename(source: Place, goal: Place, at: ClusterTime): void {
    const [from, to] = [nameOf(source), nameOf(goal)];
    if (!this.#present.has(from) && this.#takes(to))
      this.#report("a rename of a collection that is not in the backup", from);
    const settled = this.#settled.get(from);
    if (this.#original.has(from) && (settled === undefined || compareTimes(at, settled) <= 0))
      this.#report("a rename of a collection that was not read yet", from);
    this.#forget(from);
    this.#forget(to);
    this.#present.add(to);
  }
}
