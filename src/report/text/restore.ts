// A restore before it happens (the plan) and after it.
import type { ManifestSummary, PlannedRestore, RestoreResult } from "../../jobs/results.ts";
import { formatBytes, formatCount } from "../../util/units.ts";
import { escapeText } from "../escape.ts";
import type { View } from "../style.ts";
import { formatFacts, formatTable } from "../table.ts";
import { formatSeconds } from "../times.ts";
import { formatNumber, formatWhen } from "./parts.ts";

/** How many names are shown before the rest is only counted. */
const SHOWN = 8;

export function formatRestore(
  result: PlannedRestore | RestoreResult,
  command: "restore" | "rollback",
  view: View,
): string {
  return result.restored ? formatDone(result, view) : formatPlan(result, command, view);
}

function formatPlan(
  { plan, backup, manifest }: PlannedRestore,
  command: "restore" | "rollback",
  view: View,
): string {
  const { style } = view;
  const rows = plan.collections.map((one) => [
    one.action,
    escapeText(one.namespace),
    one.documents === null ? "?" : formatCount(one.documents),
    one.liveDocuments === null ? "-" : formatCount(one.liveDocuments),
  ]);
  const head = ["", "collection", "documents", "now there"];
  const table = rows.length === 0 ? "" : formatTable(head, rows, ["left", "left", "right", "right"]); // prettier-ignore
  const { documents, rawBytes } = plan.totals;
  const steps = formatFacts([
    ["loads", `${formatNumber(documents, "document")}, ${formatBytes(rawBytes)}`],
    ["removes", namesOf(plan.remove)],
    ["keeps", namesOf(plan.keptLive)],
    ["users", namesOf(plan.usersOf)],
    ["stops", plan.stopsService === null ? null : escapeText(plan.stopsService)],
    ["protects", protection(plan.targetWasEmpty, plan.makesPreRestoreBackup)],
  ]);
  const what = backup === null ? "plan" : `plan to restore ${escapeText(backup)}`;
  const next = `nothing was changed: ${style.bold(`the same ${command} with --confirm`)} does it`;
  const about = manifest === null ? "" : describeBackup(manifest, view);
  return [style.bold(what), about, table, steps, next].filter((part) => part !== "").join("\n");
}

function describeBackup(manifest: ManifestSummary, view: View): string {
  const { server, consistency, note, type } = manifest;
  return formatFacts([
    ["made", formatWhen(manifest.createdAt, view)],
    ["type", type],
    ["note", note === null ? null : escapeText(note)],
    ["from", `MongoDB ${escapeText(server.version)} (${server.topology})`],
    ["moment", consistency.mode === "none" ? "not one instant" : "one instant"],
  ]);
}

function protection(targetWasEmpty: boolean, makes: boolean): string {
  if (targetWasEmpty) return "nothing is there now that could be lost";
  return makes
    ? "what is there now is backed up first"
    : "NOT: what is there now is lost (--skip-pre-backup)";
}

function namesOf(names: readonly string[]): string | null {
  if (names.length === 0) return null;
  const more = names.length - SHOWN;
  const shown = names.slice(0, SHOWN).map(escapeText).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}

function formatDone(result: RestoreResult, { style }: View): string {
  const { collections, timings, serviceDownSeconds, preRestoreBackup } = result;
  const documents = collections.reduce((sum, one) => sum + one.documents, 0);
  const unequal = collections.filter(({ equal }) => !equal).map(({ namespace }) => namespace);
  const proof = `${formatNumber(collections.length - unequal.length, "collection")} equal by count and hash`;
  const facts = formatFacts([
    ["backup", result.backup === null ? null : escapeText(result.backup)],
    ["takes back", result.rollbackOf],
    ["restored", formatNumber(documents, "document")],
    ["proved", proof],
    ["not proved", namesOf(unequal)],
    ["before it", preRestoreBackup ?? (result.targetWasEmpty ? "nothing was there" : "not kept")],
    ["service down", serviceDownSeconds === null ? null : formatSeconds(serviceDownSeconds)],
    ["took", formatSeconds(timings.totalSeconds)],
    ["log", escapeText(result.log)],
  ]);
  const back = `to take it back: mongokeep rollback ${result.restoreId} --confirm`;
  return `${style.good("restored")}: ${style.bold(result.restoreId)}\n${facts}\n${back}`;
}
