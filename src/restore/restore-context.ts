// What every step of a restore gets.
import type { Emit } from "../events.ts";

export interface RestoreContext {
  readonly emit: Emit;
  readonly signal: AbortSignal;
}
