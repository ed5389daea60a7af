// Signals: the first one asks the job to stop and clean up, the second one stops at once, and stopping takes at most 5
// s. A change of live data is first completed: the change or its undo, the start of the service, the expiry, the
// record.
import type { ErrorCode } from "../errors.ts";
import { ERRORS, KeepError } from "../errors.ts";
import type { Emit } from "../events.ts";

const SIGNALS = { SIGINT: "interrupted", SIGTERM: "terminated", SIGHUP: "hangup" } as const;
const STOPS: readonly ErrorCode[] = Object.values(SIGNALS);
const PATIENCE_MS = 5_000;

export interface SignalWatch {
  /** Aborts with a KeepError. */
  readonly signal: AbortSignal;
  /** Pass it the job's events, from which it learns whether live data is half replaced. */
  readonly watch: Emit;
  /** Adds to a stop what it means for live data; returns every other error unchanged. */
  readonly explain: (command: string, error: KeepError) => KeepError;
}

type LiveData = "as it was" | "between" | "restored" | "undone";

const CHANGE_LIVE_DATA: readonly string[] = ["restore", "rollback"];
const MEANS: Readonly<Record<LiveData, string>> = {
  "as it was": "nothing live was changed",
  between: "live data is between two states",
  restored: "the restored data is live",
  undone: "the old state is back",
};

/** `endNow` reports the error and ends the process. */
export function watchSignals(endNow: (error: KeepError) => void): SignalWatch {
  const controller = new AbortController();
  let liveData: LiveData = "as it was";
  let settling = false;
  let serviceStopped = false;
  let startHint: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  const isBusy = () => liveData === "between" || settling || serviceStopped;
  /** Since the last moment at which nothing had to be completed. */
  const wait = (error: KeepError) => {
    clearInterval(timer);
    timer = setInterval(() => {
      if (!isBusy()) endNow(error);
    }, PATIENCE_MS);
    timer.unref();
  };
  let asked: KeepError | undefined;
  const onSignal = (code: ErrorCode, name: string) => {
    const error = new KeepError(code, `stopped by ${name}`);
    if (asked === undefined) {
      asked = error;
      controller.abort(error);
      wait(error);
    } else if (liveData === "between") endNow(brokenBy(name, startHint));
    // With the service stopped and the data complete, the service is started first; that is already under way.
    else if (serviceStopped) return;
    else if (!settling) endNow(error);
    else endNow(liveData === "undone" ? undoneBy(name) : unfinishedBy(name));
  };
  for (const [name, code] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      onSignal(code, name);
    });
  }
  return {
    signal: controller.signal,
    explain: (command, error) =>
      CHANGE_LIVE_DATA.includes(command) ? withMeaning(error, MEANS[liveData]) : error,
    watch: (event) => {
      if (event.kind !== "step") return;
      if (event.step === "stop-service") {
        serviceStopped = true;
        startHint = event.startHint ?? startHint;
      }
      if (event.step === "start-service" && event.state === "end") serviceStopped = false;
      // An undo ends a live change, whether its end was reported or not.
      if (event.step === "live-change") liveData = event.state === "begin" ? "between" : "restored";
      if (event.step === "undo") liveData = event.state === "begin" ? "between" : "undone";
      if (event.step === "settle") settling = event.state === "begin";
      if (asked && !isBusy() && event.state === "end") wait(asked);
    },
  };
}

function withMeaning(error: KeepError, meaning: string): KeepError {
  if (!STOPS.includes(error.code)) return error;
  const { code, hint, details, cause } = error;
  return new KeepError(code, `${error.message}: ${meaning}`, { hint, details, cause });
}

function brokenBy(name: string, startHint: string | undefined): KeepError {
  const start = startHint === undefined ? "" : ` Then start the service: ${startHint}`;
  return new KeepError(
    "restore-broken",
    `stopped by a second ${name} while live data was replaced`,
    { hint: `${ERRORS["restore-broken"].hint}${start}` },
  );
}

function unfinishedBy(name: string): KeepError {
  return new KeepError(
    "restore-broken",
    `stopped by a second ${name} before the last steps of the restore: the restored data is live`,
    {
      hint: "Run mongokeep restore --resume --confirm to finish it, or mongokeep rollback --confirm to undo it.",
    },
  );
}

function undoneBy(name: string): KeepError {
  return new KeepError(
    "restore-undone",
    `the restore was stopped by ${name}: the old state is back`,
  );
}
