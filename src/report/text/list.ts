// The backups, newest first: age, size, type, verification, and the day on which cleanup deletes each.
import type { ListedBackup, ListResult } from "../../jobs/results.ts";
import { formatBytes, formatCount } from "../../util/units.ts";
import { escapeText } from "../escape.ts";
import type { Style, View } from "../style.ts";
import { formatTable } from "../table.ts";
import type { Align, Fit } from "../table.ts";
import { formatAge } from "../times.ts";

const HEAD = ["backup", "", "age", "size", "documents", "type", "state", "of", "until", "note"];
const ALIGN: readonly Align[] = ["left", "left", "right", "right", "right"];
/** The terminal's width decides how many columns there are; nothing is broken in the middle of a word. */
const FIT: Omit<Fit, "columns"> = { drop: ["until", "documents", "size", "note", "type"], cut: "note" }; // prettier-ignore

export function formatList({ backups }: ListResult, view: View): string {
  if (backups.length === 0) return "there are no backups yet: mongokeep backup makes one";
  const scopes = new Set(backups.map(scopeOf).filter((scope) => scope !== ""));
  const rows = backups.map((backup) => rowOf(backup, scopes.size > 1, view));
  return formatTable(HEAD, rows, ALIGN, { columns: view.columns ?? null, ...FIT });
}

/** "rs0: surg, archive"; empty where it is not known. */
function scopeOf({ server, databases }: ListedBackup): string {
  if (server === null) return "";
  return `${escapeText(server)}: ${databases === null ? "all databases" : databases.map(escapeText).join(", ")}`;
}

function rowOf(backup: ListedBackup, scopesDiffer: boolean, view: View): string[] {
  const { createdAt, totals, type, tier, expiresOn } = backup;
  return [
    escapeText(backup.id),
    backup.isLatest ? "← latest" : "",
    createdAt === null ? "?" : formatAge(Date.parse(createdAt), view.nowMs).replace(" ago", ""),
    totals ? formatBytes(totals.storedBytes) : "?",
    totals ? formatCount(totals.documents) : "?",
    type === null ? "?" : [type, ...tier].join(", "),
    stateOf(backup, view.style),
    scopesDiffer ? scopeOf(backup) : "",
    expiresOn === null ? "kept" : expiresOn.slice(0, 10),
    noteOf(backup),
  ];
}

function stateOf({ state, verification }: ListedBackup, style: Style): string {
  if (state === "good") return style.good(`good (${verification?.level ?? "full"})`);
  return state === "unverified" ? style.warn(state) : style.bad(state);
}

/** What is not in it comes before what somebody wrote about it. */
function noteOf({ exclude, users, note }: ListedBackup): string {
  const without = [...exclude.map(escapeText), ...(users === "not included" ? ["users"] : [])];
  const parts = [
    without.length > 0 ? `without ${without.join(", ")}` : "",
    note === null ? "" : escapeText(note),
  ];
  return parts.filter((part) => part !== "").join("; ");
}
