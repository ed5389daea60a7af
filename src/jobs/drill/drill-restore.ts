// The middle of a drill: a backup into a throw-away server by the same steps as any restore, compared, checked.
import type { OpenedBackup } from "../../archive/reader.ts";
import type { Problem } from "../../archive/verification.ts";
import { KeepError } from "../../errors.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { databasesWithAccounts } from "../../restore/account-files.ts";
import { applyInPlace } from "../../restore/native.ts";
import { planRestore } from "../../restore/plan.ts";
import type { RestorePlan } from "../../restore/plan.ts";
import type { RestoreRecord } from "../../restore/record.ts";
import { findMisfits, withMetadata } from "../../restore/version-guard.ts";
import type { DrillCheck } from "../../verify/drill-checks.ts";
import { runChecks } from "../../verify/run-checks.ts";
import type { CheckResult } from "../../verify/run-checks.ts";
import type { JobContext } from "../context.ts";
import { toSource } from "../sources.ts";
import { compareRestored, differencesOf } from "./compare-restored.ts";
import type { DrilledCollection, DrillReport, DrillServer } from "./drill-result.ts";
import { openDrillPlace } from "./drill-server.ts";
import type { DrillPlace } from "./drill-server.ts";

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
 * @throws KeepError unfit-server, not-in-this-version (an oplog), and whatever opening the server throws
 */
export async function rehearseRestore(
  context: JobContext,
  backup: OpenedBackup,
  checks: readonly DrillCheck[],
  failed: (error: unknown) => void,
): Promise<Rehearsed> {
  refuseOplog(backup);
  const accountsOf = await databasesWithAccounts(backup);
  const plan = planRestore({ backup: backup.id, source: toSource(backup), live: [], accountsOf });
  const start = await timed(context, "drill-server", () => openDrillPlace(context, plan));
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
  const restore = await timed(context, "restore", async () => {
    try {
      await applyInPlace(deployment, backup, suited, createRecord(suited), context);
      return true;
    } catch (error) {
      context.signal.throwIfAborted();
      failed(error);
      return false;
    }
  });
  const server = describe(place);
  const timings = { startSeconds, restoreSeconds: restore.seconds };
  if (!restore.value) {
    const none = { collections: [], checks: [], problems: [], accounts: "not tried" } as const;
    return { server, ...none, timings: { ...timings, compareSeconds: 0, checkSeconds: 0 } };
  }
  const compared = await timed(context, "compare", () =>
    compareRestored(context, deployment, backup, suited),
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

/** Nothing of it is on disk: what a dead drill leaves needs nobody to undo it. */
function createRecord(plan: RestorePlan): RestoreRecord {
  const nothing = () => Promise.resolve();
  const recorded = { schema: 1, id: "drill", createdAt: "", rollbackOf: null, plan } as const;
  return { id: "drill", path: "", recorded, journal: nothing, log: nothing, writeSwap: nothing, close: nothing }; // prettier-ignore
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

function refuseOplog({ hasOplog, archive, path }: OpenedBackup): void {
  if (!hasOplog) return;
  throw new KeepError(
    "not-in-this-version",
    `${archive ?? path} comes with an oplog, which must be replayed to make it one state`,
    { hint: "Drill a backup made by mongokeep: it is one state without an oplog." },
  );
}
