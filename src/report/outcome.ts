// A result or an error → exit code, JSON, text, summary line, alert: the one place that decides what an end looks like.
import type { KeepError } from "../errors.ts";
import { ERRORS } from "../errors.ts";
import type { Problem } from "../archive/verification.ts";
import type { DoctorResult } from "../jobs/doctor/doctor.ts";
import type {
  BackupResult,
  CleanupResult,
  DeleteResult,
  DiffResult,
  DrillResult,
  ExtractResult,
  Discarded,
  ListResult,
  PlannedRestore,
  RestoreChoices,
  RestoreResult,
  ShowResult,
  VerifyJobResult,
} from "../jobs/results.ts";
import type { InitResult } from "../jobs/init/result.ts";
import type { ScheduledDrill, ScheduleResult, UnscheduleResult } from "../jobs/schedule.ts";
import type { StatusResult } from "../jobs/status/status.ts";
import { redact } from "../util/redact.ts";
import type { Notice } from "../notify/notifier.ts";
import { escapeText } from "./escape.ts";

/** What each command gives back. */
export interface Results {
  readonly init: InitResult;
  readonly backup: BackupResult;
  readonly verify: VerifyJobResult;
  readonly restore: PlannedRestore | RestoreResult | Discarded | RestoreChoices;
  readonly rollback: PlannedRestore | RestoreResult;
  readonly cleanup: CleanupResult;
  readonly list: ListResult;
  readonly show: ShowResult;
  readonly delete: DeleteResult;
  readonly schedule: ScheduleResult | UnscheduleResult;
  readonly status: StatusResult;
  readonly doctor: DoctorResult;
  readonly diff: DiffResult;
  readonly extract: ExtractResult;
  readonly drill: DrillResult | ScheduledDrill;
}

export type CommandName = keyof Results;
export type SummaryFacts = Readonly<Record<string, string | number | boolean | null>>;

/** What it finds wrong is damage, or must be taken for it. */
const isProof = (command: CommandName) => command === "verify" || command === "drill";

/** The exit code of a run that gave a result. */
export function exitCodeOf(command: CommandName, result: unknown): number {
  if (!isObject(result) || result.ok !== false) return 0;
  return isProof(command) ? ERRORS.damaged.exit : ERRORS.failed.exit;
}

/** `mongokeep backup ok id=… documents=… stored=… seconds=…`: one line a run that can be searched for. */
export function summaryOf<K extends CommandName>(command: K, result: Results[K]): string {
  const exit = exitCodeOf(command, result);
  const facts = factsOf(command, result);
  if (exit === 0) return formatSummary(command, "ok", facts);
  if (findsProblems(command)) return formatSummary(command, "found problems", { exit, ...facts });
  const code = isProof(command) ? "damaged" : "failed";
  return formatSummary(command, "failed", { code, exit, ...facts });
}

/** They did what they were asked to: what they found is the result. */
export const findsProblems = (command: CommandName) => command === "status" || command === "doctor";

export function failureSummary(command: string, error: KeepError): string {
  return formatSummary(command, "failed", { code: error.code, exit: error.exitCode });
}

function formatSummary(
  command: string,
  state: "ok" | "failed" | "found problems",
  facts: SummaryFacts,
): string {
  const shown = Object.entries(facts).map(([name, value]) => `${name}=${String(value)}`);
  return ["mongokeep", command, state, ...shown].filter((word) => word !== "").join(" ");
}

/** The few facts of a result by which runs are told apart; also what an alert carries. */
export function factsOf<K extends CommandName>(command: K, result: Results[K]): SummaryFacts {
  const read: { [C in CommandName]: (result: Results[C]) => SummaryFacts } = {
    init: ({ changed, backup, schedule }) => ({
      changed: changed.length,
      backup: backup?.id ?? null,
      scheduled: schedule?.installed ?? false,
    }),
    backup: ({ id, totals, timings }) => ({
      id,
      documents: totals.documents,
      stored: totals.storedBytes,
      seconds: timings.totalSeconds,
    }),
    verify: ({ backups }) => ({
      backups: backups.length,
      damaged: backups.filter((one) => !one.ok).length,
    }),
    restore: restoreFacts,
    rollback: restoreFacts,
    cleanup: ({ dryRun, decisions, freedBytes }) => ({
      dryRun,
      kept: decisions.filter(({ action }) => action === "keep").length,
      deleted: decisions.filter(({ action }) => action === "delete").length,
      freed: freedBytes,
    }),
    list: ({ backups }) => ({ backups: backups.length }),
    show: ({ id }) => ({ id }),
    delete: ({ id, deleted }) => ({ id, deleted }),
    schedule: (state) => ("removed" in state ? {} : { installed: state.installed }),
    status: ({ problems, lastGood }) => ({
      problems: problems.length,
      lastGood: lastGood?.id ?? null,
    }),
    doctor: ({ checks }) => ({
      failed: checks.filter(({ state }) => state === "fail").length,
      warned: checks.filter(({ state }) => state === "warn").length,
    }),
    diff: ({ backup, other, collections }) => ({
      backup,
      other,
      differing: collections.filter(({ equal }) => !equal).length,
    }),
    drill: (result) =>
      "scheduled" in result
        ? { scheduled: true, at: result.at }
        : {
            drillId: result.drillId,
            backup: result.backup,
            differing: result.collections.filter(({ equal }) => !equal).length,
            checksFailed: result.checks.filter((one) => !one.ok).length,
            seconds: result.seconds,
          },
    extract: ({ backup, namespace, matched }) => ({ backup, namespace, documents: matched }),
  };
  return read[command](result);
}

function restoreFacts(result: Results["restore"]): SummaryFacts {
  if ("backups" in result) return { planned: true, backup: null };
  if ("dropAside" in result)
    return { planned: result.planned, collections: result.dropAside.length };
  if (!result.restored) return { planned: true, backup: result.backup };
  const { restoreId, backup, collections, timings } = result;
  const isCounted = collections.every(({ documents }) => documents !== null);
  const sum = collections.reduce((total, one) => total + (one.documents ?? 0), 0);
  const documents = isCounted ? sum : null;
  return { restoreId, backup, documents, seconds: timings.totalSeconds };
}

/** What `--json` prints of a failure. Facts that a program may need stand beside the agreed three. */
export function failureJson(error: KeepError): object {
  const { code, labels, details } = error;
  const message = escapeText(redact(error.message));
  return { ok: false, error: { code, message, hint: redact(error.hint), labels, details } };
}

/** Whoever pressed Ctrl-C, or mistyped a flag, knows already. */
const KNOWN_ALREADY: readonly string[] = ["usage", "not-in-this-version", "interrupted", "hangup"];
const WATCHED: readonly string[] = ["backup", "verify", "restore", "rollback", "cleanup", "drill"];

/** Whether a failure of this command is an alert. */
export const isWatched = (command: string): boolean => WATCHED.includes(command);

/** The alert about a run that failed; null where nobody needs to hear of it. */
export function failureNotice(command: string, error: KeepError): Notice | null {
  if (!isWatched(command) || KNOWN_ALREADY.includes(error.code)) return null;
  return noticeOfFailure(command, error);
}

export function noticeOfFailure(command: string, error: KeepError): Notice {
  return {
    event: `${command}-failed`,
    ok: false,
    title: `mongokeep ${command} failed: ${error.code}`,
    text: `${redact(error.message)}\n${redact(error.hint)}`,
    facts: { command, code: error.code, exit: error.exitCode },
  };
}

/** The alert about a result that needs a person; null for a good one. */
export function resultNotice<K extends CommandName>(command: K, result: Results[K]): Notice | null {
  const lines = complaintsOf(command, result);
  const [first] = lines;
  if (first === undefined) return null;
  return {
    event: EVENTS[command] ?? `${command}-problems`,
    ok: false,
    title: `mongokeep ${command}: ${first}`,
    text: lines.join("\n"),
    facts: { command, ...factsOf(command, result) },
  };
}

const EVENTS: Partial<Record<CommandName, string>> = { verify: "damaged", drill: "drill-failed" };

function complaintsOf(command: CommandName, result: object): string[] {
  if (command === "status") {
    const { problems } = result as StatusResult;
    return problems.map(({ message, hint }) => `${message}. ${hint}`);
  }
  if (command === "drill") return complaintsOfDrill(result as Results["drill"]);
  if (command !== "verify") return [];
  const { backups } = result as VerifyJobResult;
  const damaged = backups.filter(({ ok }) => !ok);
  return damaged.map(({ id, level, problems }) => {
    const [problem] = problems;
    if (level === "drill") return `the drill of backup ${id} failed: ${problemText(problem)}`;
    return `backup ${id} is damaged${problem ? `: ${escapeText(problem.file)}: ${problem.problem}` : ""}`;
  });
}

function complaintsOfDrill(result: Results["drill"]): string[] {
  if (result.ok || "scheduled" in result) return [];
  const { backup, problems, checks, report } = result;
  const failed = checks.filter((one) => !one.ok).map(({ name }) => `check ${escapeText(name)} failed`); // prettier-ignore
  const [first = "", ...others] = [...problems.map(problemText), ...failed];
  const head = `the drill of backup ${escapeText(backup)} failed: ${first}`;
  return [head, ...others, `report: ${escapeText(report)}`];
}

function problemText(problem: Problem | undefined): string {
  if (!problem) return "see its report";
  return `${problem.file === "" ? "" : `${escapeText(problem.file)}: `}${escapeText(problem.problem)}`;
}

function isObject(value: unknown): value is { readonly ok?: unknown } {
  return typeof value === "object" && value !== null;
}
