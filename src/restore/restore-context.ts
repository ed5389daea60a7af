// What every step of a restore gets.
import type { Emit } from "../events.ts";
import type { LoaderFactory } from "./load.ts";

export interface RestoreContext {
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** How documents are loaded; our own way where it is not given. */
  readonly createLoader?: LoaderFactory;
}
