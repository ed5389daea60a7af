// What the soak knows about one project: what each good backup must contain, and what each restore found and left. What
// must stay true: it learns only from observed steps, and knows nothing about how mongokeep works.
import type { BackupType } from "../../src/archive/manifest.ts";
import type { State } from "../database/state.ts";

export interface KnownBackup {
  readonly id: string;
  readonly type: BackupType;
  /** As its manifest says: by the clock that its run was shown. */
  readonly createdAtMs: number;
  /** The database when it was made; of a pre-restore backup the part that it is of. */
  readonly content: State;
}

export interface KnownRestore {
  readonly id: string;
  /** The restore that it undoes. */
  readonly rollbackOf: string | null;
  readonly before: State;
  readonly after: State;
  /** The names that it replaced, made or took away; of all others it knows nothing. */
  readonly touched: ReadonlySet<string>;
  /**
   * `failed`: it ended, and had undone its changes. `dead`: interrupted; live data may be anything until it is resumed
   * or undone.
   */
  readonly state: "applied" | "failed" | "undone" | "dead";
  /** What it made for its undo. */
  readonly backups: readonly string[];
  /** What it retained may have been dropped since. */
  readonly isAsideGone: boolean;
}

export interface Model {
  readonly backups: ReadonlyMap<string, KnownBackup>;
  /** No id is ever given twice. */
  readonly everGood: ReadonlySet<string>;
  /** Oldest first. */
  readonly restores: readonly KnownRestore[];
}

export const EMPTY_MODEL: Model = { backups: new Map(), everGood: new Set(), restores: [] };

export const findRestoreIn = ({ restores }: Model, id: string | null | undefined) =>
  restores.find((one) => one.id === id) ?? null;

/** Newest last. */
export const deadIn = ({ restores }: Model) => restores.filter(({ state }) => state === "dead");

/** Backups in the order in which a seed chooses among them. */
export const sortedIds = ({ backups }: Model) => [...backups.keys()].sort();

export function changeRestore(model: Model, id: string, change: Partial<KnownRestore>): Model {
  const restores = model.restores.map((one) => (one.id === id ? { ...one, ...change } : one));
  return { ...model, restores };
}

export function addRestore(model: Model, restore: KnownRestore): Model {
  return { ...model, restores: [...model.restores, restore] };
}

/** `id` is undone: interrupted tries to do so need nobody any more, and what it had undone counts again. */
export function takeBack(model: Model, id: string): Model {
  const was = findRestoreIn(model, id);
  const restores = model.restores.map((one): KnownRestore => {
    if (one.id === id || (one.state === "dead" && one.rollbackOf === id))
      return { ...one, state: "undone" };
    const isBack = was?.state === "applied" && one.id === was.rollbackOf;
    return isBack ? { ...one, state: "applied" } : one;
  });
  return { ...model, restores };
}

/** `id` is done, as if it had never been interrupted. */
export function settleApplied(model: Model, id: string): Model {
  const { rollbackOf = null } = findRestoreIn(model, id) ?? {};
  const taken = rollbackOf === null ? model : takeBack(model, rollbackOf);
  return changeRestore(taken, id, { state: "applied" });
}

/** The restore that a rollback without an id would undo: null if there is none. */
export function newestToTakeBack({ restores }: Model): KnownRestore | null {
  return restores.findLast(({ state }) => state === "applied" || state === "dead") ?? null;
}
