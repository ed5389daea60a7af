// Builds the context of a job from the settings, and passes its outcome to the notifiers. The CLI and the library both
// start here.
import { readFile } from "node:fs/promises";
import { ON_DISK } from "./archive/place.ts";
import { loadSettings, requireUri, systemSource } from "./config/settings.ts";
import { checkPlainSettings } from "./config/plain-settings.ts";
import type { PlainSettings } from "./config/plain-settings.ts";
import type { Settings } from "./config/settings.ts";
import { naming } from "./config/naming.ts";
import { KeepError, toKeepError } from "./errors.ts";
import type { ErrorCode } from "./errors.ts";
import { warn } from "./events.ts";
import type { Emit, LogEvent } from "./events.ts";
import type { JobContext } from "./jobs/context.ts";
import type { Deployment, DeploymentContext } from "./mongo/deployment.ts";
import { createNotifiers } from "./notify/create-notifiers.ts";
import { pingHeartbeat } from "./notify/heartbeat.ts";
import { notifyAll } from "./notify/notifier.ts";
import type { Notice, Notifier } from "./notify/notifier.ts";
import { failureNotice, resultNotice } from "./report/outcome.ts";
import type { CommandName, Results } from "./report/outcome.ts";
import { createService } from "./service/create-service.ts";
import { freeBytes } from "./storage/disk.ts";
import { systemClock } from "./util/clock.ts";
import type { Clock } from "./util/clock.ts";
import type { Secret } from "./util/secret.ts";
import { throttleProgress } from "./report/throttle-progress.ts";

export interface ComposeOptions {
  /** Default: `.env` in the working folder, if it exists. */
  readonly envFile?: string | undefined;
  /** Replaces the .env and the environment; checked as strictly. */
  readonly settings?: PlainSettings | undefined;
  readonly clock?: Clock | undefined;
  readonly onEvent?: Emit | undefined;
  /** Abort with a KeepError (interrupted) to choose the error with which the job ends. */
  readonly signal?: AbortSignal | undefined;
}

export interface Composition {
  readonly context: JobContext;
  /** Runs a job and sends its outcome to the notifiers. A notifier that fails does not fail the job. */
  readonly run: <K extends CommandName, R extends Results[K]>(
    command: K,
    job: (context: JobContext) => Promise<R>,
  ) => Promise<R>;
  /** Sends to every notifier; returns what could not be sent. */
  readonly notify: (notice: Notice) => Promise<string[]>;
  readonly notifierCount: number;
}

/** Log events that are sent as alerts while the job runs. */
const ALARMING = new Set([
  "disk-low",
  "backup-damaged",
  "backups-stale",
  "documents-fell",
  "cleanup-failed",
  "service-not-started",
  "service-stays-stopped",
]);

/** @throws KeepError bad-setting, not-in-this-version */
export async function compose(options: ComposeOptions = {}): Promise<Composition> {
  const source = systemSource(options.envFile);
  const loaded = await loadSettings(source);
  const settings: Settings = { ...loaded, ...checkPlainSettings(options.settings, source) };
  const emit = throttleProgress(options.onEvent ?? (() => undefined), () => performance.now());
  for (const message of settings.warnings) {
    warn(emit, "setting", message);
  }
  const context = await createContext(settings, emit, options);
  const notifiers = createNotifiers(settings);
  return {
    context,
    notifierCount: notifiers.length,
    notify: (notice) => notifyAll(notifiers, notice, emit),
    run: (command, job) => runTold(loginFor(command, context), notifiers, command, job),
  };
}

async function createContext(
  settings: Settings,
  emit: Emit,
  options: ComposeOptions,
): Promise<JobContext> {
  const signal = endingWithKeepError(options.signal);
  const login = settings.restoreLogin;
  return {
    settings,
    place: ON_DISK,
    emit,
    signal,
    clock: options.clock ?? systemClock,
    version: await readVersion(),
    service: createService(settings.service),
    freeBytes,
    async connect(own = signal) {
      return await connectBy(requireUri(settings), settings.uriName, { emit, signal: own });
    },
    connectForRestore:
      login && ((own = signal) => connectBy(login.uri, login.uriName, { emit, signal: own })),
  };
}

async function connectBy(
  uri: Secret,
  uriName: string | null,
  context: DeploymentContext,
): Promise<Deployment> {
  // The driver takes longer to load than `list` takes to run.
  const { openDeployment } = await import("./mongo/deployment.ts");
  return await openDeployment(uri, context).catch((error: unknown) => {
    throw naming(error, uriName);
  });
}

/** Commands that change live data, each including its safety backup. */
const RESTORING: readonly CommandName[] = ["restore", "rollback"];

/** The context with the login for the command. */
function loginFor(command: CommandName, context: JobContext): JobContext {
  const { settings, connectForRestore } = context;
  const login = settings.restoreLogin;
  if (!RESTORING.includes(command) || login === null || !connectForRestore) return context;
  const { uri, uriName } = login;
  return { ...context, settings: { ...settings, uri, uriName }, connect: connectForRestore };
}

/** The caller's signal, whose reason may be anything, as a signal that ends a job with a KeepError. */
function endingWithKeepError(given: AbortSignal | undefined): AbortSignal {
  const controller = new AbortController();
  if (given === undefined) return controller.signal;
  const stop = () => {
    const reason: unknown = given.reason;
    const isOurs = reason instanceof KeepError;
    controller.abort(isOurs ? reason : new KeepError("interrupted", "stopped by its caller", { cause: reason })); // prettier-ignore
  };
  if (given.aborted) stop();
  else given.addEventListener("abort", stop, { once: true });
  return controller.signal;
}

/** The version in package.json, which is one folder up from both src/ and dist/. */
export async function readVersion(): Promise<string> {
  const text = await readFile(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

async function runTold<K extends CommandName, R extends Results[K]>(
  outer: JobContext,
  notifiers: readonly Notifier[],
  command: K,
  job: (context: JobContext) => Promise<R>,
): Promise<R> {
  const alarms = new Map<string, LogEvent>();
  const emit: Emit = (event) => {
    // One alert per cause and run: low disk space is not news every second.
    if (event.kind === "log" && event.code !== undefined && ALARMING.has(event.code)) {
      alarms.set(event.code, event);
    }
    outer.emit(event);
  };
  const tell = async (notice: Notice | null) => {
    const notices = [...alarms.values()].map((event) => alarmNotice(command, event));
    for (const one of notice ? [...notices, notice] : notices) {
      await notifyAll(notifiers, one, outer.emit);
    }
  };
  try {
    const result = await job({ ...outer, emit });
    // `status` sends alerts only on request, because people also run it by hand.
    await tell(command === "status" ? null : resultNotice(command, result));
    if (command === "backup") await pingHeartbeat(outer.settings, outer.emit);
    return result;
  } catch (thrown) {
    const error = naming(endOf(outer.signal, thrown), outer.settings.uriName);
    await tell(failureNotice(command, toKeepError(error)));
    // `status --alert` reports its own failure; see cli/tell.ts.
    if (command !== "status" && typeof error === "object" && error !== null) told.add(error);
    throw error;
  }
}

/** The outcomes of jobs, once the notifiers have them. */
const told = new WeakSet<object>();

export function wasTold(thrown: unknown): boolean {
  return typeof thrown === "object" && thrown !== null && told.has(thrown);
}

/** The error of unfinished work when every connection is closed. */
const BY_CLOSING: readonly ErrorCode[] = ["internal", "bad-setting", "unreachable", "server-error"];

/** After Ctrl-C the message is about that, not about its consequences; the outcome of a restore is always reported. */
function endOf(signal: AbortSignal, thrown: unknown): unknown {
  const { code } = toKeepError(thrown);
  return signal.aborted && BY_CLOSING.includes(code) ? signal.reason : thrown;
}

function alarmNotice(command: string, { code = "", message }: LogEvent): Notice {
  const title = `mongokeep ${command}: ${message}`;
  return { event: code, ok: false, title, text: message, facts: { command, code } };
}
