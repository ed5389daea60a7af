// What every step of a restore gets.
import type { Emit } from "../events.ts";
import type { PlannedCollection } from "./plan/plan.ts";
import type { CollectionMetadata } from "../archive/metadata.ts";
import type { LockLimit } from "../mongo/lock-limit.ts";
import type { LoaderFactory } from "./load/load.ts";

/** A collection with the options and indexes that it should have. */
export interface Defined {
  readonly planned: Pick<PlannedCollection, "namespace" | "database" | "name" | "type">;
  readonly metadata: CollectionMetadata | null;
}

export type DefinitionCheck = (work: readonly Defined[]) => Promise<void>;

export interface RestoreContext {
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** For what puts an old state back: compares options and indexes with the backup's. @throws KeepError failed */
  readonly verifyDefinitions?: DefinitionCheck;
  /** How documents are loaded; our own way where it is not given. */
  readonly createLoader?: LoaderFactory;
  /** For what takes live collections away; absent: however long that takes. */
  readonly lockLimit?: LockLimit;
}
