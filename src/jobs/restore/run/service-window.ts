// The time in which the service is stopped: measured, and always ended.
import { warn } from "../../../events.ts";
import { KeepError, toKeepError } from "../../../errors.ts";
import { bestEffort } from "../../../restore/record/record-file.ts";
import type { RestoreRecord } from "../../../restore/record/record.ts";
import type { Service } from "../../../service/service.ts";
import type { JobContext } from "../../context.ts";
import { concernsService } from "../plan/order.ts";
import type { RestoreOrder } from "../plan/order.ts";
import type { Transaction } from "./phase.ts";

export interface ServiceWindow {
  /**
   * Starts the service if this restore stopped it; more calls do nothing. Gives the seconds from 'stop
   * finished' to 'start issued', null where nothing was stopped. A start that fails is reported, not thrown:
   * the data is whole, and the restore's result must not be lost.
   */
  open(): Promise<number | null>;
  /**
   * The same while the old data can still come back: a service that does not come up with the new data is
   * stopped again. @throws KeepError failed
   */
  openStrictly(): Promise<number | null>;
  /** Leaves the service stopped, because the data is between two states, and says how to start it. */
  leaveStopped(): void;
}

/** The parts of a restore that concern the service: starting it needs no MongoDB server. */
export type OfService = Pick<Transaction, "context" | "record" | "at"> & {
  readonly order: Pick<RestoreOrder, "useService" | "leftStopped" | "startsBetween" | "plan">;
};

const NOTHING: ServiceWindow = {
  open: () => Promise.resolve(null),
  openStrictly: () => Promise.resolve(null),
  leaveStopped: () => undefined,
};

/**
 * Stops the service unless there is none or it is known to be stopped: one that is ill, or whose state is unknown,
 * may write. One that an interrupted restore left stopped is started at the end. @throws KeepError bad-setting, failed
 */
export async function stopServiceFor(restore: OfService): Promise<ServiceWindow> {
  const { context, record, order } = restore;
  const { leftStopped = false } = order;
  const service = concernsIt(restore) ? context.service : null;
  // Live data changes from here on. A run whose lock another run took must not do that.
  await context.assertHeld?.();
  if (service === null) return NOTHING;
  await service.assertExists(context.signal);
  const state = await service.state(context.signal);
  if (state.is === "stopped") {
    if (leftStopped) return createWindow(context, service, record);
    await record.log("the service does not run: it is not stopped, and not started afterwards");
    return NOTHING;
  }
  if (state.is === "unknown") {
    const because = `it is not known whether the service runs (${state.because})`;
    await record.log(`${because}: it is stopped, and started afterwards`);
  }
  return await stop(restore, service, leftStopped && state.is === "unknown");
}

/** An interrupted restore concerns the service where live data is between two states, or it left it stopped. */
function concernsIt({ at, order }: OfService): boolean {
  if (at === "start") return concernsService(order);
  return order.useService && (at === "broken" || order.leftStopped === true);
}

/** Whether live data was between two states before this run changed any: if this run fails, it still is. */
const startsBetween = ({ at, order }: OfService): boolean =>
  at === "broken" || order.startsBetween === true;

function warnStopped({ emit }: JobContext, { startHint }: Service): void {
  const message = `the service stays stopped, because the data is between two states; start it with: ${startHint}`;
  emit({ kind: "log", level: "error", code: "service-stays-stopped", message });
}

async function stop(
  restore: OfService,
  service: Service,
  mayBeStopped: boolean,
): Promise<ServiceWindow> {
  const { context, record: strict } = restore;
  const { name: detail, startHint } = service;
  context.emit({ kind: "step", step: "stop-service", state: "begin", detail, startHint });
  await strict.journal({ step: "stop-service", state: "begin" });
  // A full disk must not keep the service stopped from here on. Changes of data are still journalled strictly.
  const record = bestEffort(strict, context.emit);
  const window = createWindow(context, service, record);
  try {
    await service.stop(context.signal);
  } catch (error) {
    if (!mayBeStopped || context.signal.aborted) {
      // It may be half stopped.
      if (startsBetween(restore)) window.leaveStopped();
      else await window.open();
      throw error;
    }
    await warnTakenForStopped(context, record, toKeepError(error).message);
  }
  window.stopped();
  await record.journal({ step: "stop-service", state: "done" });
  await record.log("service stopped");
  context.emit({ kind: "step", step: "stop-service", state: "end" });
  return window;
}

/** Data between two states must not stay so because a stopped service cannot be stopped again. */
async function warnTakenForStopped(
  { emit }: JobContext,
  record: RestoreRecord,
  why: string,
): Promise<void> {
  const message = `the interrupted restore had stopped the service, which cannot be stopped again (${why}): mongokeep takes it for stopped`;
  await record.log(message);
  warn(emit, "service-taken-for-stopped", message);
}

function createWindow(context: JobContext, service: Service, record: RestoreRecord) {
  let stoppedAt = performance.now();
  let downSeconds: number | null = null;
  let opened = false;
  return {
    stopped: () => {
      stoppedAt = performance.now();
    },
    async open() {
      if (opened) return downSeconds;
      opened = true;
      await warnIfBack(context, service, record);
      downSeconds = Math.round(performance.now() - stoppedAt) / 1_000;
      const failure = await startAndCheck(context, service, record);
      if (failure !== null) warnNotStarted(context, service, failure);
      return downSeconds;
    },
    leaveStopped() {
      opened = true;
      warnStopped(context, service);
    },
    async openStrictly() {
      opened = true;
      await warnIfBack(context, service, record);
      downSeconds = Math.round(performance.now() - stoppedAt) / 1_000;
      const failure = await startAndCheck(context, service, record);
      if (failure === null) return downSeconds;
      opened = false;
      await service.stop(new AbortController().signal);
      throw new KeepError("failed", `with the restored data ${failure}`, {
        hint: "See the service's own log for what it misses in the restored data.",
      });
    },
  };
}

/** A timer, a socket or a supervisor may have started it: then it wrote to data that was being replaced. */
async function warnIfBack(
  { emit }: JobContext,
  service: Service,
  record: RestoreRecord,
): Promise<void> {
  if (!(await service.cameBack())) return;
  const message = `something started the service (${service.name}) while its data was being replaced: see that what it wrote meanwhile is there, and stop what starts it before the next restore`;
  warn(emit, "service-came-back", message);
  await bestEffort(record, emit).log(message);
}

/** What went wrong; null: it works. */
async function startAndCheck(
  context: JobContext,
  service: Service,
  strict: RestoreRecord,
): Promise<string | null> {
  // A full disk must not keep the service stopped.
  const record = bestEffort(strict, context.emit);
  context.emit({ kind: "step", step: "start-service", state: "begin" });
  await record.journal({ step: "start-service", state: "begin" });
  try {
    await service.start();
    await service.check();
    await record.journal({ step: "start-service", state: "done" });
    await record.log("service started");
    context.emit({ kind: "step", step: "start-service", state: "end" });
    return null;
  } catch (error) {
    const { message } = toKeepError(error);
    await record.journal({ step: "start-service", state: "failed", message });
    await record.log(`service start FAILED: ${message}`);
    context.emit({ kind: "step", step: "start-service", state: "end" });
    return message;
  }
}

function warnNotStarted({ emit }: JobContext, { startHint }: Service, why: string): void {
  emit({
    kind: "log",
    level: "error",
    code: "service-not-started",
    message: `the service could not be started (${why}); start it with: ${startHint}`,
  });
}
