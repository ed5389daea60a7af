// A drill: verify in full → restore into a throw-away server → compare all → put the user's checks → report.
// A drill that finds something wrong gives a result with ok: false; one that cannot be held throws.
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { openBackup } from "../../archive/reader.ts";
import type { OpenedBackup } from "../../archive/opened.ts";
import { resolveBackup } from "../../archive/resolve.ts";
import type { Problem, Verification } from "../../archive/verification.ts";
import { KeepError } from "../../errors.ts";
import type { ErrorCode } from "../../errors.ts";
import { openBackupDir } from "../../storage/backup-dir.ts";
import { parseChecks } from "../../verify/drill-checks.ts";
import type { DrillCheck } from "../../verify/drill-checks.ts";
import { verifyBackup } from "../../verify/verify.ts";
import { collectWarnings } from "../collect-warnings.ts";
import type { JobContext } from "../context.ts";
import type { RestorePlan } from "../../restore/plan/plan.ts";
import { describeNothing } from "../restore/plan/sources.ts";
import { rememberVerification } from "../inspect/remember-verification.ts";
import { unpackArchive } from "../inspect/unpack-archive.ts";
import { writeDrill } from "./drill-files.ts";
import type { DrilledBackup, DrillReport, DrillResult } from "./drill-result.ts";
import { findDrillMongod } from "./drill-mongod.ts";
import { planDrill, rehearseRestore } from "./drill-restore.ts";
import type { Rehearsed } from "./drill-restore.ts";

export interface DrillRequest {
  /** An id, a path, or "latest". */
  readonly backup: string;
}

interface Target {
  readonly path: string;
  /** In BACKUP_DIR, with a manifest: what was found is remembered beside it. */
  readonly ours: boolean;
  readonly isArchive: boolean;
}

/** @throws KeepError backup-not-found, bad-setting, mongod-missing, unfit-server, disk-full, unreachable … */
export async function runDrill(outer: JobContext, request: DrillRequest): Promise<DrillResult> {
  const { settings, clock } = outer;
  const { hosts, databases, backupDir } = settings;
  const wanted = { hosts, databases, exclude: [] };
  const found = await resolveBackup(backupDir, request.backup, wanted, clock.now(), outer.place);
  const { path, isArchive } = found;
  return await drillOne(outer, { path, isArchive, ours: found.entry?.manifest != null });
}

/** The same for a backup whose path is known. */
export async function drillOne(outer: JobContext, target: Target): Promise<DrillResult> {
  const warnings: string[] = [];
  const context = { ...outer, emit: collectWarnings(outer.emit, warnings) };
  const { settings, clock } = context;
  const checks = await readChecks(settings.drill.checksFile);
  await assertServer(context, target);
  // A place for the report, before an hour of work.
  await openBackupDir(settings.backupDir);
  const startedAt = new Date(clock.now()).toISOString();
  const began = performance.now();
  const held = await hold(context, target, checks);
  const problems = held.rehearsed?.problems ?? held.verification.problems;
  const checked = held.rehearsed?.checks ?? [];
  const ok = problems.length === 0 && checked.every((one) => one.ok);
  const timings = {
    verifySeconds: held.verification.seconds,
    ...(held.rehearsed?.timings ?? NO_TIME),
  };
  const totalSeconds = secondsSince(began);
  const report: Omit<DrillReport, "id"> = {
    schema: 1,
    ok,
    tool: { name: "mongokeep", version: context.version },
    host: hostname(),
    ...{ startedAt, finishedAt: new Date(clock.now()).toISOString() },
    backup: held.backup,
    server: held.rehearsed?.server ?? null,
    timings: { ...timings, totalSeconds },
    collections: held.rehearsed?.collections ?? [],
    accounts: held.rehearsed?.accounts ?? "not tried",
    checks: checked,
    ...{ problems, warnings },
  };
  const { id, page } = await writeDrill(
    context.place.storage,
    settings.backupDir,
    settings.timezone,
    report,
  );
  return {
    ...{ ok, drillId: id, backup: held.backup.id, level: "drill", seconds: totalSeconds },
    ...{ collections: report.collections, checks: checked, problems, report: page, warnings },
  };
}

/** A server for the drill, before an hour of work. @throws KeepError mongod-missing */
async function assertServer(
  { settings, signal, place }: JobContext,
  { path }: Target,
): Promise<void> {
  if (settings.drill.uri !== null) return;
  const backup = await openBackup(path, place, signal).catch(() => null);
  const atLeast = backup?.manifest?.server.version ?? null;
  await findDrillMongod(settings, { atLeast, download: true, signal });
}

const NO_TIME = { startSeconds: 0, restoreSeconds: 0, compareSeconds: 0, checkSeconds: 0 };
const secondsSince = (began: number) => Math.round(performance.now() - began) / 1_000;

interface Held {
  readonly backup: DrilledBackup;
  readonly verification: Pick<Verification, "problems" | "seconds">;
  /** null: the files are damaged, or hold nothing to restore. */
  readonly rehearsed: Rehearsed | null;
}

async function hold(
  context: JobContext,
  target: Target,
  checks: readonly DrillCheck[],
): Promise<Held> {
  context.emit({ kind: "step", step: "verify", state: "begin" });
  const verification = await verifyBackup(target.path, "full", context);
  context.emit({ kind: "step", step: "verify", state: "end" });
  if (!verification.ok) {
    if (target.ours) await rememberVerification(context, target.path, verification);
    const backup = await openBackup(target.path, context.place, context.signal).catch(() => null);
    return { backup: describe(target, backup), verification, rehearsed: null };
  }
  await using unpacked = target.isArchive
    ? await unpackArchive(context, target.path, { outlineOnly: false, command: "drill" })
    : null;
  const backup = unpacked?.backup ?? (await openBackup(target.path, context.place, context.signal));
  const plan = await planDrill(context, backup);
  if (restoresNothing(context, plan)) {
    const problems = [problemOf(describeNothing(backup))];
    const { seconds } = verification;
    return {
      backup: describe(target, backup),
      verification: { problems, seconds },
      rehearsed: null,
    };
  }
  const rehearsed = await restoreOrTell(context, backup, plan, checks);
  // Checks of the user that fail say nothing of the files.
  if (target.ours && rehearsed.problems.length === 0)
    await rememberVerification(context, target.path, { ...verification, level: "drill" });
  return { backup: describe(target, backup), verification, rehearsed };
}

const problemOf = (problem: string): Problem => ({
  file: "",
  chunk: null,
  document: null,
  problem,
});

/** A drill that restores nothing shows nothing. Accounts are tried on a mongod of our own only. */
const restoresNothing = ({ settings }: JobContext, { collections, usersOf }: RestorePlan) =>
  collections.length === 0 && (usersOf.length === 0 || settings.drill.uri !== null);

/** Ends of a restore that speak of the backup, not of where it was tried. */
const TELLING: readonly ErrorCode[] = ["damaged", "failed", "server-error", "documents-refused"];

async function restoreOrTell(
  context: JobContext,
  backup: OpenedBackup,
  plan: RestorePlan,
  checks: readonly DrillCheck[],
): Promise<Rehearsed> {
  const problems: Problem[] = [];
  const rehearsed = await rehearseRestore(context, backup, plan, checks, (error) => {
    if (!(error instanceof KeepError) || !TELLING.includes(error.code)) throw error;
    problems.push(problemOf(error.message));
  });
  return { ...rehearsed, problems: [...problems, ...rehearsed.problems] };
}

function describe(target: Target, backup: OpenedBackup | null): DrilledBackup {
  const manifest = backup?.manifest ?? null;
  const scope = manifest && { hosts: manifest.scope.hosts, databases: manifest.scope.databases };
  return {
    id: manifest?.id ?? target.path,
    path: target.path,
    createdAt: manifest?.createdAt ?? null,
    type: manifest?.type ?? null,
    serverVersion: manifest?.server.version ?? null,
    scope,
  };
}

/** @throws KeepError bad-setting */
async function readChecks(path: string | null): Promise<DrillCheck[]> {
  if (path === null) return [];
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new KeepError("bad-setting", `DRILL_CHECKS (${path}) cannot be read`, {
      hint: "Name a text file with one check a line, or take the setting out.",
      details: { setting: "DRILL_CHECKS" },
      cause: error,
    });
  }
  return parseChecks(text, path);
}
