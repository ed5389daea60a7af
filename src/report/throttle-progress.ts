// Progress comes for every batch, thousands a second: who listens gets a few a second, and the last one of each step.
import type { Emit, ProgressEvent } from "../events.ts";

const PAUSE_MS = 100;

/** `now` counts milliseconds steadily (performance.now). */
export function throttleProgress(emit: Emit, now: () => number): Emit {
  let lastMs = -Infinity;
  let held: ProgressEvent | null = null;
  return (event) => {
    const isNext = event.kind !== "progress" || (held !== null && held.step !== event.step);
    if (held && isNext) emit(held);
    if (isNext) held = null;
    if (event.kind !== "progress") {
      emit(event);
      return;
    }
    if (now() - lastMs < PAUSE_MS) {
      held = event;
      return;
    }
    lastMs = now();
    held = null;
    emit(event);
  };
}
