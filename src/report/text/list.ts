// The backups, newest first: age, size, type, verification, and the day on which cleanup deletes each.
import type { ListedBackup, ListResult } from "../../jobs/results.ts";
import { formatBytes, formatCount } from "../../util/units.ts";
import { escapeText } from "../escape.ts";
import type { Style, View } from "../style.ts";
import { formatTable } from "../table.ts";
import { formatAge } from "../times.ts";

const HEAD = ["backup", "age", "size", "documents", "type", "state", "until", "note"];
const ALIGN = ["left", "right", "right", "right"] as const;

export function formatList({ backups }: ListResult, view: View): string {
  if (backups.length === 0) return "there are no backups yet: mongokeep backup makes one";
  const rows = backups.map((backup) => rowOf(backup, view));
  return formatTable(HEAD, rows, ALIGN);
}

function rowOf(backup: ListedBackup, view: View): string[] {
  const { createdAt, totals, type, tier, expiresOn, note } = backup;
  return [
    escapeText(backup.id),
    createdAt === null ? "?" : formatAge(Date.parse(createdAt), view.nowMs).replace(" ago", ""),
    totals ? formatBytes(totals.storedBytes) : "?",
    totals ? formatCount(totals.documents) : "?",
    type === null ? "?" : [type, ...tier].join(", "),
    stateOf(backup, view.style),
    expiresOn === null ? "kept" : expiresOn.slice(0, 10),
    note === null ? "" : escapeText(note),
  ];
}

function stateOf({ state, verification }: ListedBackup, style: Style): string {
  if (state === "good") return style.good(`good (${verification?.level ?? "full"})`);
  return state === "unverified" ? style.warn(state) : style.bad(state);
}
