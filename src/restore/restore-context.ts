// What every step of a restore gets.
import type { Emit } from "../events.ts";
import type { LoaderFactory } from "./load.ts";
import type { Work } from "./load-collections.ts";

export type DefinitionProof = (work: readonly Work[]) => Promise<void>;

export interface RestoreContext {
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** For what puts an old state back: compares options and indexes with the backup's. @throws KeepError failed */
  readonly proveDefinitions?: DefinitionProof;
  /** How documents are loaded; our own way where it is not given. */
  readonly createLoader?: LoaderFactory;
}
