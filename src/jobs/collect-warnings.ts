// The warnings of a run, for its result.
import type { Emit } from "../events.ts";

/** Passes events on and keeps the messages of warnings for the result. */
export function collectWarnings(emit: Emit, warnings: string[]): Emit {
  return (event) => {
    if (event.kind === "log" && (event.level === "warn" || event.level === "error"))
      warnings.push(event.message);
    emit(event);
  };
}
