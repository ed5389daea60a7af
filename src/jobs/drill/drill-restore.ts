// The middle of a drill: a backup into a throw-away server by the same steps as any restore, compared, checked.
import type { OpenedBackup } from "../../archive/opened.ts";
import type { Problem } from "../../archive/verification.ts";
import { KeepError } from "../../errors.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { databasesWithAccounts } from "../../restore/load/account-files.ts";
import { applyInPlace } from "../../restore/load/in-place.ts";
import { planRestore } from "../../restore/plan/plan.ts";
import type { RestorePlan } from "../../restore/plan/plan.ts";
import type { RestoreOutcome } from "../../restore/load/in-place.ts";
import type { RestoreRecord } from "../../restore/record/record.ts";
import { findMisfits, withMetadata } from "../../restore/plan/version-guard.ts";
import type { DrillCheck } from "../../verify/drill-checks.ts";
import { runChecks } from "../../verify/run-checks.ts";
import type { CheckResult } from "../../verify/run-checks.ts";
import type { JobContext } from "../context.ts";
import { readOplogForPlan } from "../restore/plan/oplog.ts";
import { warnOfLeftOut, toSource } from "../restore/plan/sources.ts";
import { compareRestored, differencesOf } from "./compare-restored.ts";
import type { DrilledCollection, DrillReport, DrillServer } from "./drill-result.ts";
import { openDrillPlace } from "./drill-server.ts";
import type { DrillPlace } from "./drill-server.ts";
import { tempFolder } from "../../util/process-folders.ts";

export interface Rehearsed {
  readonly server: DrillServer;
  readonly timings: {
    readonly startSeconds: number;
    readonly restoreSeconds: number;
    readonly compareSeconds: number;
    readonly checkSeconds: number;
  };
  readonly collections: readonly DrilledCollection[];
  readonly accounts: DrillReport["accounts"];
  readonly checks: readonly CheckResult[];
  readonly problems: readonly Problem[];
}

/**
 * `failed` gets the error that the restore itself ended with; where it does not throw, the drill goes on to
 * its report without comparison and checks.
 * @throws KeepError unfit-server, not-in-this-version (what no replay can do), and whatever opening the server throws
 */
export async function rehearseRestore(
  context: JobContext,
  backup: OpenedBackup,
  plan: RestorePlan,
  checks: readonly DrillCheck[],
  failed: (error: unknown) => void,
): Promise<Rehearsed> {
  const madeOf = backup.manifest?.server.version ?? null;
  const start = await timed(context, "drill-server", () => openDrillPlace(context, plan, madeOf));
  await using place = start.value;
  await assertFits(place.deployment, backup, plan);
  const suited = { ...plan, expiry: place.expiry, usersOf: place.accounts ? plan.usersOf : [] };
  try {
    return await rehearse(context, backup, { plan, suited, checks, place, failed }, start.seconds);
  } catch (error) {
    context.signal.throwIfAborted();
    throw place.binary === null ? error : asLostServer(error);
  }
}

/** Everything that a restore would bring back, under its own names; says what it would not. */
export async function planDrill(context: JobContext, backup: OpenedBackup): Promise<RestorePlan> {
  warnOfLeftOut(context.emit, backup);
  const accountsOf = await databasesWithAccounts(backup);
  const files = toSource(backup);
  const everything = { rename: new Map(), renameNamespaces: new Map(), only: null, exclude: [] };
  const log = await readOplogForPlan(context, backup, files, everything);
  const source = [...files, ...(log?.source ?? [])];
  return planRestore({
    backup: backup.id,
    source,
    live: [],
    accountsOf,
    oplog: log?.oplog ?? null,
  });
}

interface Rehearsal {
  readonly plan: RestorePlan;
  /** The same for what this server can take. */
  readonly suited: RestorePlan;
  readonly checks: readonly DrillCheck[];
  readonly place: DrillPlace;
  readonly failed: (error: unknown) => void;
}

async function rehearse(
  context: JobContext,
  backup: OpenedBackup,
  { plan, suited, checks, place, failed }: Rehearsal,
  startSeconds: number,
): Promise<Rehearsed> {
  const { deployment } = place;
  const restore = await timed(context, "restore", async (): Promise<RestoreOutcome | null> => {
    try {
      return await applyInPlace(deployment, backup, suited, createRecord(suited), context);
    } catch (error) {
      context.signal.throwIfAborted();
      failed(error);
      return null;
    }
  });
  const server = describe(place);
  const timings = { startSeconds, restoreSeconds: restore.seconds };
  const outcome = restore.value;
  if (!outcome) {
    const none = { collections: [], checks: [], problems: [], accounts: "not tried" } as const;
    return { server, ...none, timings: { ...timings, compareSeconds: 0, checkSeconds: 0 } };
  }
  const compared = await timed(context, "compare", () =>
    compareRestored(context, deployment, backup, suited, outcome.replayed),
  );
  const checked = await timed(context, "checks", () =>
    runChecks(checks, checkPlace(context, deployment, backup, plan)),
  );
  return {
    server,
    timings: { ...timings, compareSeconds: compared.seconds, checkSeconds: checked.seconds },
    collections: compared.value,
    accounts: accountsFate(plan, suited),
    checks: checked.value,
    problems: differencesOf(compared.value),
  };
}

/** Our own mongod ended while we needed it: nobody's MONGODB_URI is wrong then. */
function asLostServer(error: unknown): unknown {
  if (!(error instanceof KeepError) || error.code !== "unreachable") return error;
  return new KeepError(
    "failed",
    `the mongod of the drill ended, or no longer answers: ${error.message}`,
    {
      hint: "Look whether its disk (TMPDIR) or the machine's memory ran full, then run the drill again.",
      cause: error,
    },
  );
}

function accountsFate(plan: RestorePlan, suited: RestorePlan): DrillReport["accounts"] {
  if (plan.usersOf.length === 0) return "none in the backup";
  return suited.usersOf.length > 0 ? "restored" : "not tried";
}

function checkPlace(
  { signal }: JobContext,
  { client }: Deployment,
  backup: OpenedBackup,
  plan: RestorePlan,
) {
  const namespaces = new Set(plan.collections.map(({ namespace }) => namespace));
  const { manifest } = backup;
  return { client, namespaces, signal, backupMs: manifest && Date.parse(manifest.createdAt) };
}

/** Nothing of it stays on disk: what a dead drill leaves needs nobody to undo it. */
function createRecord(plan: RestorePlan): RestoreRecord {
  const nothing = () => Promise.resolve();
  const recorded = { schema: 1, id: "drill", createdAt: "", rollbackOf: null, plan } as const;
  return { id: "drill", path: tempFolder(), recorded, journal: nothing, note: nothing, log: nothing, writeSwap: nothing, close: nothing }; // prettier-ignore
}

function describe({ deployment: { server }, binary }: DrillPlace): DrillServer {
  const { version, topology, featureCompatibilityVersion } = server;
  const kind = binary === null ? "DRILL_MONGODB_URI" : "own";
  return { kind, version, topology, featureCompatibilityVersion, binary };
}

async function timed<T>({ emit }: JobContext, step: string, act: () => Promise<T>) {
  emit({ kind: "step", step, state: "begin" });
  const began = performance.now();
  const value = await act();
  emit({ kind: "step", step, state: "end" });
  return { value, seconds: Math.round(performance.now() - began) / 1_000 };
}

/** @throws KeepError unfit-server */
async function assertFits(
  { server }: Deployment,
  backup: OpenedBackup,
  plan: RestorePlan,
): Promise<void> {
  const planned = await withMetadata(backup, plan);
  const [first] = findMisfits(backup.manifest?.server ?? null, server, planned);
  if (!first) return;
  throw new KeepError("unfit-server", `no drill on this server: ${first.problem}`, {
    hint: "Set MONGOD_BINARY to a mongod of the version that the backup was made of, or DRILL_MONGODB_URI to such a server.",
  });
}
