// The system's time zone as an IANA name, also if TZ has a form that the C library reads and Node does not.
import { realpathSync } from "node:fs";

export interface SystemZone {
  readonly zone: string;
  /** A warning; null: nothing. */
  readonly problem: string | null;
}

const STARTED_WITH = process.env.TZ;

/** The zone of TZ, else the machine's. Never throws: an unknown zone is UTC, as in the C library. */
export function systemZone(tz = STARTED_WITH): SystemZone {
  const own = tz === undefined ? machineZone() : readTz(tz);
  if (own !== null) return { zone: own, problem: null };
  const shown = JSON.stringify(tz);
  return {
    zone: "UTC",
    problem: `TZ (${shown}) is no time zone that mongokeep knows, and UTC is used: set BACKUP_TIMEZONE, for example to Europe/Berlin`,
  };
}

/** Makes this process use a zone that Node knows. Call it before the first time is shown. */
export function settleTimeZone(): void {
  const { zone } = systemZone();
  if (STARTED_WITH !== undefined && machineZone() !== zone) process.env.TZ = zone;
}

function machineZone(): string {
  // undefined for a TZ that Node does not know, or a zone that it refuses for an empty one.
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone as string | undefined;
  return canonical(zone) ?? "UTC";
}

/** null: it names no zone. */
function readTz(tz: string): string | null {
  // ":" means that a file of the zone database follows.
  const name = tz.replace(/^:/, "");
  if (name === "") return "UTC";
  return name.startsWith("/") ? zoneOfPath(name) : (offsetZone(name) ?? canonical(name));
}

function zoneOfPath(path: string): string | null {
  const zone = (text: string) => canonical(/\/zoneinfo\/(?:posix\/|right\/)?(.+)$/.exec(text)?.[1]);
  try {
    return zone(path) ?? zone(realpathSync(path));
  } catch {
    return null; // there is no such file, so it was not a name
  }
}

/** "UTC0", "EST5", "<+03>-3": whole hours, positive to the west as in the names of Etc/GMT. */
function offsetZone(tz: string): string | null {
  const [, sign = "+", digits] =
    /^(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)([+-]?)(\d{1,2})(?::?00)*$/.exec(tz) ?? [];
  if (digits === undefined) return null;
  const hours = Number(digits);
  return hours === 0 ? "UTC" : canonical(`Etc/GMT${sign === "-" ? "-" : "+"}${hours}`);
}

function canonical(zone: string | undefined): string | null {
  // An offset is not a name, and Node gets its sign wrong if TZ contains it.
  if (zone === undefined || !/^[A-Za-z]/.test(zone)) return null;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    return null; // RangeError: there is no such zone
  }
}
