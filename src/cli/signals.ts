// Ctrl-C and its like: the first one asks the job to stop and clean up, the second one stops at once, and nobody
// waits longer than 5 s, unless live data is half replaced or the service is stopped: those are put back first (AMENDMENTS 9).
import type { ErrorCode } from "../errors.ts";
import { ERRORS, KeepError } from "../errors.ts";
import type { Emit } from "../events.ts";

const SIGNALS = { SIGINT: "interrupted", SIGTERM: "terminated", SIGHUP: "hangup" } as const;
const PATIENCE_MS = 5_000;

export interface SignalWatch {
  /** Aborts with a KeepError. */
  readonly signal: AbortSignal;
  /** Feed it the job's events: it learns from them whether live data is half replaced. */
  readonly watch: Emit;
}

/** `endNow` says the error to whoever started us, and ends the process. */
export function watchSignals(endNow: (error: KeepError) => void): SignalWatch {
  const controller = new AbortController();
  let liveDataInParts = false;
  let serviceStopped = false;
  let startHint: string | undefined;
  const onSignal = (code: ErrorCode, name: string) => {
    const first = !controller.signal.aborted;
    const error = new KeepError(code, `stopped by ${name}`);
    if (first) {
      controller.abort(error);
      const timer = setInterval(() => {
        if (!liveDataInParts && !serviceStopped) endNow(error);
      }, PATIENCE_MS);
      timer.unref();
    } else if (liveDataInParts) endNow(brokenBy(name, startHint));
    // With the service stopped and the data whole, the service is started again first: that is under way.
    else if (!serviceStopped) endNow(error);
  };
  for (const [name, code] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      onSignal(code, name);
    });
  }
  return {
    signal: controller.signal,
    watch: (event) => {
      if (event.kind !== "step") return;
      if (event.step === "stop-service") {
        serviceStopped = true;
        startHint = event.detail ?? startHint;
      }
      if (event.step === "start-service" && event.state === "end") serviceStopped = false;
      // Undoing ends what live-change began, whether that said so or not.
      if (event.step === "live-change" || event.step === "undo") {
        liveDataInParts = event.state === "begin";
      }
    },
  };
}

function brokenBy(name: string, startHint: string | undefined): KeepError {
  const start = startHint === undefined ? "" : ` Then start the service: ${startHint}`;
  return new KeepError(
    "restore-broken",
    `stopped by a second ${name} while live data was replaced`,
    { hint: `${ERRORS["restore-broken"].hint}${start}` },
  );
}
