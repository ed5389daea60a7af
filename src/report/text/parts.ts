// Pieces that several texts share.
import type { Totals } from "../../archive/manifest.ts";
import type { RestoreTarget } from "../../jobs/results.ts";
import { formatBytes, formatCount } from "../../util/units.ts";
import { escapeText } from "../escape.ts";
import type { View } from "../style.ts";
import { formatAge, formatMoment } from "../times.ts";

/** "12,345 documents in 7 collections" */
export function formatContent({ documents, collections }: Totals): string {
  return `${formatNumber(documents, "document")} in ${formatNumber(collections, "collection")}`;
}

/** "34.5 MB, 120 MB unpacked" */
export function formatSize({ storedBytes, rawBytes }: Totals): string {
  return `${formatBytes(storedBytes)}, ${formatBytes(rawBytes)} unpacked`;
}

/** "1 document", "2 documents" */
export function formatNumber(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? "" : "s"}`;
}

/** "2026-11-23 02:00, 3 h 05 min ago" */
export function formatWhen(iso: string, { zone, nowMs }: View): string {
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? "unknown" : `${formatMoment(ms, zone)}, ${formatAge(ms, nowMs)}`;
}

/** "gzip", "gzip, level 6" */
export function formatCompression(c: { algorithm: string; level: number | null }): string {
  return c.level === null ? c.algorithm : `${c.algorithm}, level ${c.level}`;
}

/** "into 127.0.0.1:27017, database surg" */
export function formatTarget({ hosts, databases }: RestoreTarget): string {
  const where = hosts.length === 0 ? "the server" : hosts.map(escapeText).join(", ");
  if (databases.length === 0) return `into ${where}`;
  const names = formatNames(databases) ?? "";
  return `into ${where}, database${databases.length === 1 ? "" : "s"} ${names}`;
}

/** How many names are shown before the rest is only counted. */
const SHOWN = 8;

/** "a, b and 3 more"; null: none. */
export function formatNames(names: readonly string[]): string | null {
  if (names.length === 0) return null;
  const more = names.length - SHOWN;
  const shown = names.slice(0, SHOWN).map(escapeText).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}
