// Each backup with keep or delete and the reason.
import type { CleanupResult } from "../../jobs/results.ts";
import { formatBytes } from "../../util/units.ts";
import { escapeText } from "../escape.ts";
import type { View } from "../style.ts";
import { formatTable } from "../table.ts";

export function formatCleanup(result: CleanupResult, { style }: View): string {
  const { decisions, alerts, dryRun, freedBytes } = result;
  const rows = decisions.map(({ id, action, reason }) => [
    action === "keep" ? style.good("keep") : style.warn("delete"),
    escapeText(id),
    // The reason opens with the word that the first column has already.
    escapeText(reason.replace(/^(?:kept|deleted): /, "")),
  ]);
  const deleted = decisions.filter(({ action }) => action === "delete").length;
  const counts = `${decisions.length - deleted} kept, ${deleted} ${dryRun ? "to be deleted" : "deleted"}`;
  const freed =
    deleted === 0 ? "" : `, ${formatBytes(freedBytes)} ${dryRun ? "to be freed" : "freed"}`;
  return [
    ...(rows.length === 0 ? [] : [formatTable(["", "backup", "because"], rows)]),
    ...alerts.map((alert) => style.warn(escapeText(alert))),
    `${counts}${freed}${dryRun ? " (dry run: nothing was changed)" : ""}`,
  ].join("\n");
}
