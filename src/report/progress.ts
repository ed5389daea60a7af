// One line on a terminal that says how far a step is. Nothing of it is written anywhere else.
import type { Emit, ProgressEvent } from "../events.ts";
import { formatBytes, formatCount, formatDuration } from "../util/units.ts";
import { escapeText } from "./escape.ts";
import { widthOf } from "./table.ts";

const BAR = 20;
const DEFAULT_COLUMNS = 80;
const GAP = "  ";
const CLEAR_LINE = "\r\u001b[2K";

export interface Progress {
  readonly emit: Emit;
  /** Takes the line away: call before anything else is written to the same terminal. */
  clear(): void;
}

/** `now` counts milliseconds steadily (performance.now). */
export function createProgress(
  terminal: { write(text: string): unknown; readonly columns?: number },
  now: () => number,
): Progress {
  let shown = false;
  let step: { name: string; startedMs: number } | null = null;
  const clear = () => {
    if (shown) terminal.write(CLEAR_LINE);
    shown = false;
  };
  return {
    clear,
    emit: (event) => {
      if (event.kind !== "progress") {
        clear();
        return;
      }
      if (step?.name !== event.step) step = { name: event.step, startedMs: now() };
      // A line that wraps could not be taken away again.
      const columns = (terminal.columns ?? DEFAULT_COLUMNS) - 1;
      const line = formatProgress(event, now() - step.startedMs, columns);
      terminal.write(CLEAR_LINE + line.slice(0, columns));
      shown = true;
    },
  };
}

/** "dump  [#####---------------]  25%  3.1 s left  11.2 MB/s  34.5 MB  12,345 documents  surg.patients" */
export function formatProgress(
  event: ProgressEvent,
  elapsedMs: number,
  columns = Infinity,
): string {
  // The first are what a person waits for; the last go first where there is no room.
  const parts = [event.step.replaceAll("-", " ")];
  const total = event.totalBytes ?? 0;
  // Sizes on the server are estimates: never show more than all of it.
  const share = total > 0 ? Math.min(1, event.bytes / total) : null;
  if (share !== null) {
    const filled = Math.round(share * BAR);
    const percent = `${String(Math.floor(share * 100)).padStart(3)}%`;
    parts.push(`[${"#".repeat(filled)}${"-".repeat(BAR - filled)}]  ${percent}`);
  }
  const left = share === null || share === 0 ? null : (elapsedMs / share) * (1 - share);
  if (elapsedMs >= 1000 && left !== null) parts.push(`${formatDuration(left)} left`);
  parts.push(formatBytes(event.bytes));
  if (elapsedMs >= 1000) parts.push(`${formatBytes((event.bytes / elapsedMs) * 1000)}/s`);
  if (event.documents > 0) parts.push(`${formatCount(event.documents)} documents`);
  if (event.namespace !== undefined) parts.push(escapeText(event.namespace));
  while (parts.length > 1 && widthOf(parts.join(GAP)) > columns) parts.pop();
  return parts.join(GAP);
}
