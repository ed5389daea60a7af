// Which collections the tail of a backup follows. Temporary collections are followed from their creation, even if the
// backup excludes them, because a rename can turn one into a collection of the backup. Pure.
import { isBornTemporary, RENAMED_ACROSS } from "./operation.ts";

/** Whether the backup includes a name. */
export interface TakenNamespaces {
  database(name: string): boolean;
  collection(database: string, name: string): boolean;
  /** Whole names of the temporary collections that the listing left out. */
  readonly temporary?: ReadonlySet<string>;
}

/** Call the methods in oplog order. */
export class FollowedNames implements TakenNamespaces {
  readonly #taken: TakenNamespaces;
  readonly #passing = new Set<string>();
  readonly #leftOut: Set<string>;

  constructor(taken: TakenNamespaces) {
    this.#taken = taken;
    this.#leftOut = new Set(taken.temporary);
  }

  database(name: string): boolean {
    return this.#taken.database(name);
  }

  collection(database: string, name: string): boolean {
    const namespace = `${database}.${name}`;
    if (this.#passing.has(namespace)) return true;
    return !this.#leftOut.has(namespace) && this.#taken.collection(database, name);
  }

  /** @param o the command `create` */
  created(database: string, name: string, o: Buffer): void {
    const namespace = `${database}.${name}`;
    this.#leftOut.delete(namespace);
    if (isBornTemporary(o) || RENAMED_ACROSS.test(name)) this.#passing.add(namespace);
  }

  renamed(from: string, to: string): void {
    this.dropped(from);
    this.#leftOut.delete(to);
  }

  dropped(namespace: string): void {
    this.#leftOut.delete(namespace);
    this.#passing.delete(namespace);
  }
}
