// Sizes, rates and durations in the form that people write and read. GB = 10^9 bytes, GiB = 2^30. Parsers return null
// for unknown text; the caller names the setting or flag in its error.

const BYTE_UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const AMOUNT = /^(\d{1,15}(?:\.\d{1,6})?)\s*([a-z]*)$/;

function amountOf(
  text: string,
  units: Readonly<Record<string, number>>,
  bareUnit: string | null,
): number | null {
  const [, digits, written] = AMOUNT.exec(text.trim().toLowerCase()) ?? [];
  if (digits === undefined || written === undefined) return null;
  const amount = Number(digits);
  // Zero is zero in every unit.
  if (written === "" && amount === 0) return 0;
  const unit = written === "" ? bareUnit : written;
  if (unit === null || !Object.hasOwn(units, unit)) return null;
  const value = Math.round(amount * (units[unit] ?? 1));
  return Number.isSafeInteger(value) ? value : null;
}

/** "10GB", "5 GiB", "1.5 TB", "0". A number without a unit is not a size: null. */
export function parseBytes(text: string): number | null {
  return amountOf(text, BYTE_UNITS, null);
}

/** "20" (MB/s), "20 MB/s", "512 KiB/s" as bytes per second. */
export function parseRate(text: string): number | null {
  return amountOf(text.trim().replace(/\s*\/\s*s$/i, ""), BYTE_UNITS, "mb");
}

/** "90s", "30min", "24h", "7d" as milliseconds; "0" is zero. */
export function parseDuration(text: string): number | null {
  return amountOf(text, DURATION_UNITS, null);
}

/** "0 B", "999 B", "1.5 KB", "321 MB", "1.07 GB": at most three digits, decimal units. */
export function formatBytes(bytes: number): string {
  const sign = bytes < 0 ? "-" : "";
  let value = Math.abs(bytes);
  let unit = "B";
  for (const next of ["KB", "MB", "GB", "TB"]) {
    // Otherwise 999,500 would be shown as "1000 KB".
    if (Number(value.toPrecision(3)) < 1000) break;
    value /= 1000;
    unit = next;
  }
  const digits = value >= 1000 ? Math.round(value) : Number(value.toPrecision(3));
  return `${sign}${digits} ${unit}`;
}

/** "0 ms", "740 ms", "4.2 s", "48 s", "3 min 05 s", "1 h 07 min", "3 d 4 h". */
export function formatDuration(milliseconds: number): string {
  const ms = Math.max(0, Math.round(milliseconds));
  if (ms < 1_000) return `${ms} ms`;
  if (ms < 9_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${padded(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${padded(minutes % 60)} min`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function padded(value: number): string {
  return String(value).padStart(2, "0");
}

/** "1,234,567". */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}
