// Where the backups stand, and what needs a person.
import type { StatusFinding } from "../../jobs/status/status-rules.ts";
import type { StatusResult } from "../../jobs/status/status.ts";
import { formatBytes, formatCount } from "../../util/units.ts";
import { escapeText } from "../escape.ts";
import type { View } from "../style.ts";
import { formatFacts, wrap } from "../table.ts";
import { formatSeconds } from "../times.ts";
import { formatWhen } from "./parts.ts";

export function formatStatus(status: StatusResult, view: View): string {
  const { style } = view;
  const facts = formatFacts(
    [
      ["last good", describeLast(status, view)],
      ["next run", status.nextRun === null ? "not scheduled" : formatWhen(status.nextRun, view)],
      ["at work", describeLock(status, view)],
      ["disk", describeDisk(status)],
      ["trend", describeTrend(status)],
      ["last restore", status.lastRestoreAt === null ? "never" : formatWhen(status.lastRestoreAt, view)], // prettier-ignore
      ["last drill", describeDrill(status, view)],
      ["a restore", describeRestoreTime(status)],
      ["could be lost", describeLoss(status, view)],
      ["backups", `${status.backups.good} good of ${status.backups.all}, ${formatBytes(status.backups.storedBytes)}`], // prettier-ignore
    ],
    view.columns,
  );
  const head = status.ok ? style.good("all is well") : style.bad("this needs a person:");
  return [
    facts,
    head,
    ...status.problems.map((one) => formatFinding(one, style.bad("!"), view)),
    ...status.notes.map((one) => formatFinding(one, style.dim("-"), view)),
  ].join("\n");
}

function formatFinding(
  { message, hint }: StatusFinding,
  mark: string,
  { columns = null }: View,
): string {
  const [what, toDo] = [message, hint].map((text) => wrap(escapeText(text), columns, 4));
  return `  ${mark} ${what ?? ""}\n    ${toDo ?? ""}`;
}

function describeLast({ lastGood }: StatusResult, view: View): string {
  if (!lastGood) return "none";
  const { id, createdAt, documents, storedBytes } = lastGood;
  const size = `${formatCount(documents)} documents, ${formatBytes(storedBytes)}`;
  return `${id} (${formatWhen(createdAt, view)}), ${size}`;
}

function describeLock({ lock }: StatusResult, view: View): string {
  if (!lock) return "nobody (no lock)";
  const { command, pid, host, since } = lock;
  if (command === null || since === null) return "a run that does not say which it is (.lock)";
  const who = `mongokeep ${command} (pid ${pid ?? "?"} on ${host ?? "?"}, since ${formatWhen(since, view)})`;
  return `${escapeText(who)}${lock.alive === false ? ", which is dead" : ""}`;
}

function describeDrill({ lastDrill, lastDrillFailed }: StatusResult, view: View): string {
  const passed = lastDrill && `${lastDrill.id} passed (${formatWhen(lastDrill.at, view)})`;
  if (!lastDrillFailed) return passed ?? "never";
  const { id, at } = lastDrillFailed;
  return `${id} FAILED (${formatWhen(at, view)}); ${passed ?? "none has passed"}`;
}

/** As drills found it here: what a safety backup or a busy server takes comes on top. */
function describeRestoreTime({ lastDrill }: StatusResult): string {
  if (!lastDrill) return "takes an unknown time: mongokeep drill measures it";
  const { id, restoreSeconds } = lastDrill;
  if (restoreSeconds === null) return "takes an unknown time: the last drill did not note it";
  return `takes about ${formatSeconds(restoreSeconds)} (drill ${id}), and its safety backup`;
}

/** Nothing newer than the last good backup can come back. */
function describeLoss({ lastGood }: StatusResult, view: View): string {
  if (!lastGood) return "everything: there is no good backup";
  return `what was written since ${formatWhen(lastGood.createdAt, view)}`;
}

function describeDisk({ disk }: StatusResult): string {
  return `${formatBytes(disk.freeBytes)} free for ${escapeText(disk.path)}`;
}

function describeTrend({ trend }: StatusResult): string | null {
  if (!trend) return null;
  const percent = Math.round(trend.change * 100);
  return `${percent >= 0 ? "+" : ""}${percent} % against the median of the ${trend.of} before (${formatBytes(trend.medianBytes)})`;
}
