// A restore or rollback that was planned, or was made.
import type { PlannedRestore, RestoreResult } from "../../jobs/results.ts";
import { escapeText } from "../escape.ts";
import type { View } from "../style.ts";
import { formatFacts, wrap } from "../table.ts";
import { formatSeconds } from "../times.ts";
import { formatNames, formatNumber, formatTarget } from "./parts.ts";
import { formatPlan } from "./restore-plan.ts";

export function formatRestore(
  result: PlannedRestore | RestoreResult,
  command: "restore" | "rollback",
  view: View,
): string {
  if (result.restored) return formatDone(result, view);
  const next = `nothing was changed: ${view.style.bold(`the same ${command} with --confirm`)} does it`;
  return `${formatPlan(result, view)}\n${next}`;
}

function formatDone(result: RestoreResult, view: View): string {
  const { collections, timings, serviceDownSeconds, preRestoreBackup, rollbackOf } = result;
  const { style, columns = null } = view;
  const unequal = collections.filter(({ equal }) => equal === false).map((one) => one.namespace);
  const facts = formatFacts(
    [
      ["into", formatTarget(result.target).replace(/^into /, "")],
      ["restore", result.restoreId],
      ["from backup", rollbackOf === null || result.backup === null ? null : escapeText(result.backup)], // prettier-ignore
      ["restored", restoredOf(collections)],
      ["verified", verifiedOf(collections)],
      ["moment", outsideOf(result)],
      ["replayed", result.oplog && `${formatNumber(result.oplog.applied, "operation")} of the oplog`], // prettier-ignore
      ["NOT EQUAL", formatNames(unequal)],
      ["before it", preRestoreBackup === null ? beforeOf(result) : `safety backup ${preRestoreBackup}`], // prettier-ignore
      ["retained", retainedOf(result)],
      ["service down", serviceDownSeconds === null ? null : formatSeconds(serviceDownSeconds)],
      ["took", formatSeconds(timings.totalSeconds)],
      ["log", escapeText(result.log)],
    ],
    columns,
  );
  const next = nextOf(result);
  const lines = [headOf(result, style), facts, ...(next === null ? [] : [wrap(next, columns, 0)])];
  return lines.join("\n");
}

function outsideOf({ outsideInstant }: RestoreResult): string | null {
  const names = formatNames(outsideInstant ?? []);
  return names === null ? null : `one instant, except ${names} (read during the dump)`;
}

/** Names what a person knows: the backup that is live now, or the restore that no longer is. */
function headOf({ rollbackOf, backup }: RestoreResult, style: View["style"]): string {
  if (rollbackOf !== null) return `${style.good("undone")}: the restore ${style.bold(rollbackOf)}`;
  return `${style.good("restored")}: ${style.bold(backup === null ? "nothing" : escapeText(backup))}`;
}

/** An interrupted restore that was undone within its own record leaves nothing to undo. */
function nextOf({ restoreId, rollbackOf }: RestoreResult): string | null {
  if (rollbackOf === restoreId) return null;
  const command = `mongokeep rollback ${restoreId} --confirm`;
  return rollbackOf === null ? `to undo it: ${command}` : `to undo this rollback, name it: ${command}`; // prettier-ignore
}

function restoredOf(collections: RestoreResult["collections"]): string {
  const counted = collections.filter(({ documents }) => documents !== null);
  const sum = counted.reduce((total, { documents }) => total + (documents ?? 0), 0);
  const rest = collections.length - counted.length;
  if (rest === 0) return formatNumber(sum, "document");
  const uncounted = `${formatNumber(rest, "collection")} not counted again`;
  return counted.length === 0 ? uncounted : `${formatNumber(sum, "document")}, and ${uncounted}`;
}

function beforeOf({ targetWasEmpty, setAside }: RestoreResult): string {
  if (targetWasEmpty) return "nothing was there";
  return setAside.length > 0 ? "retained beside it" : "not kept";
}

/** What was live and is kept, and whether that is more than the safety backup holds. */
function retainedOf({ setAside }: RestoreResult): string | null {
  if (setAside.length === 0) return null;
  const late = setAside.filter((one) => !one.inBackup);
  const count = formatNumber(setAside.length, "collection");
  if (late.length === 0) return `${count}, all in a backup too`;
  const only = late.every(({ lateWrites }) => lateWrites !== null)
    ? formatNumber(late.reduce((sum, { lateWrites }) => sum + (lateWrites ?? 0), 0), "document")
    : "an unknown number of documents"; // prettier-ignore
  return `${count}; ${only} written late, which no backup holds`;
}

const HOW_VERIFIED = {
  hash: "equal by count and hash",
  count: "equal by count only",
  definition: "a view, its definition equal",
  "renamed back": "renamed back, as they were",
  "not verified": "not verified",
} as const;

/** Exactly what was compared, and how. */
function verifiedOf(collections: RestoreResult["collections"]): string {
  const counted = Map.groupBy(
    collections.filter(({ equal }) => equal !== false),
    ({ verified }) => verified,
  );
  const kinds = ["hash", "count", "definition", "renamed back", "not verified"] as const;
  const parts = kinds.flatMap((how) => {
    const count = counted.get(how)?.length ?? 0;
    return count === 0 ? [] : [`${formatNumber(count, "collection")} ${HOW_VERIFIED[how]}`];
  });
  return parts.length === 0 ? "nothing" : parts.join(", ");
}
