// What `backup` says at its end.
import type { BackupResult } from "../../jobs/results.ts";
import { escapeText } from "../escape.ts";
import type { View } from "../style.ts";
import { formatFacts } from "../table.ts";
import { formatSeconds } from "../times.ts";
import { formatContent, formatNumber, formatSize } from "./parts.ts";

const INSTANT: Readonly<Record<BackupResult["consistency"]["mode"], string>> = {
  snapshot: "one instant over all collections",
  oplog: "one instant, by the oplog",
  none: "collections one after the other, not one instant",
};

export function formatBackup(result: BackupResult, { style }: View): string {
  const { timings, cleanup, note, verification } = result;
  const facts = formatFacts([
    ["folder", escapeText(result.path)],
    ["type", result.type],
    ["note", note === null ? null : escapeText(note)],
    ["holds", formatContent(result.totals)],
    ["size", formatSize(result.totals)],
    ["moment", INSTANT[result.consistency.mode]],
    ["engine", result.engine === "native" ? null : result.engine],
    ["users", result.users],
    ["verified", `${verification.level}, in ${formatSeconds(timings.verifySeconds)}`],
    ["took", formatSeconds(timings.totalSeconds)],
    ["cleanup", cleanup.kept === null || cleanup.deleted === null ? "FAILED, see the log" : `${formatNumber(cleanup.kept, "backup")} kept, ${cleanup.deleted} deleted`], // prettier-ignore
  ]);
  return `${style.good("backup good")}: ${style.bold(result.id)}\n${facts}`;
}
