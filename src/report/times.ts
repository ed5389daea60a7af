// Moments as people and logs write them. Intl instead of Temporal: a log line must not cost an import.
import { formatDuration } from "../util/units.ts";

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const format = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    hourCycle: "h23",
    ...{ year: "numeric", month: "2-digit", day: "2-digit" },
    ...{ hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "longOffset" },
  });
  formats.set(zone, format);
  return format;
}

function partsOf(ms: number, zone: string): Record<string, string> {
  const parts = formatOf(zone).formatToParts(ms);
  return Object.fromEntries(parts.map(({ type, value }) => [type, value]));
}

/** "2026-11-23T02:00:03+01:00" */
export function formatStamp(ms: number, zone: string): string {
  const { year, month, day, hour, minute, second, timeZoneName = "" } = partsOf(ms, zone);
  // "GMT+01:00", and plain "GMT" for zero.
  const offset = timeZoneName.replace("GMT", "") || "+00:00";
  return `${year}-${month}-${day}T${hour}:${minute}:${second}${offset}`;
}

/** "2026-11-23 02:00" */
export function formatMoment(ms: number, zone: string): string {
  return formatStamp(ms, zone).slice(0, 16).replace("T", " ");
}

/** "2026-11-23" */
export function formatDay(ms: number, zone: string): string {
  return formatStamp(ms, zone).slice(0, 10);
}

/** "3 h 05 min ago", "in 2 d 4 h" */
export function formatAge(ms: number, nowMs: number): string {
  return ms <= nowMs ? `${formatDuration(nowMs - ms)} ago` : `in ${formatDuration(ms - nowMs)}`;
}

/** Seconds of a result, for people. */
export function formatSeconds(seconds: number): string {
  return formatDuration(seconds * 1000);
}
