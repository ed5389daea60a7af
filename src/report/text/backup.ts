// What `backup` says at its end.
import type { BackupResult } from "../../jobs/results.ts";
import { escapeText } from "../escape.ts";
import type { View } from "../style.ts";
import { formatFacts } from "../table.ts";
import { formatSeconds } from "../times.ts";
import { formatContent, formatNames, formatNumber, formatSize } from "./parts.ts";

const INSTANT: Readonly<Record<BackupResult["consistency"]["mode"], string>> = {
  snapshot: "one instant",
  oplog: "one instant, by the oplog",
  none: "collections one after the other, not one instant",
};

export function formatBackup(result: BackupResult, { style, columns = null }: View): string {
  const { timings, cleanup, note, verification } = result;
  const facts = formatFacts(
    [
      ["folder", escapeText(result.path)],
      ["type", result.type],
      ["note", note === null ? null : escapeText(note)],
      ["holds", formatContent(result.totals)],
      ["size", formatSize(result.totals)],
      ["moment", momentOf(result)],
      ["engine", result.engine === "native" ? null : result.engine],
      ["users", result.users],
      ["verified", `${verification.level}, in ${formatSeconds(timings.verifySeconds)}`],
      ["took", formatSeconds(timings.totalSeconds)],
      ["cleanup", cleanup.kept === null || cleanup.deleted === null ? "FAILED, see the log" : `${formatNumber(cleanup.kept, "backup")} kept, ${cleanup.deleted} deleted`], // prettier-ignore
    ],
    columns,
  );
  return `${style.good("backup good")}: ${style.bold(result.id)}\n${facts}`;
}

function momentOf({ consistency, outsideInstant }: BackupResult): string {
  const moment = INSTANT[consistency.mode];
  const outside = formatNames(outsideInstant);
  return outside === null ? moment : `${moment}, except ${outside} (read during the dump)`;
}
