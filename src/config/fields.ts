// Parses the text of settings into values. Each parser returns null for malformed text; the caller makes the message.
import { parsePeriod } from "../retention/policy.ts";
import type { Period } from "../retention/policy.ts";
import { KeepError } from "../errors.ts";
import { parseRate } from "../util/units.ts";

/** Any text that is not blank. */
export function text(value: string): string | null {
  return value.trim() === "" ? null : value.trim();
}

/** A secret keeps its spaces. */
export function verbatim(value: string): string {
  return value;
}

export function oneOf<const T extends string>(...choices: readonly T[]) {
  return (value: string): T | null =>
    choices.find((choice) => choice.toLowerCase() === value.trim().toLowerCase()) ?? null;
}

export function wholeNumber(min: number, max: number) {
  return (value: string): number | null => {
    if (!/^\d{1,9}$/.test(value.trim())) return null;
    const number = Number(value);
    return number >= min && number <= max ? number : null;
  };
}

export function yesNo(value: string): boolean | null {
  const word = value.trim().toLowerCase();
  if (["true", "1", "yes", "on"].includes(word)) return true;
  return ["false", "0", "no", "off"].includes(word) ? false : null;
}

/** Bytes per second. Zero would never finish. */
export function rate(value: string): number | null {
  const bytes = parseRate(value);
  return bytes === 0 ? null : bytes;
}

export function period(value: string): Period | null {
  try {
    return parsePeriod(value);
  } catch (error) {
    if (error instanceof KeepError) return null;
    throw error;
  }
}

/**
 * A path that is not resolved yet. `$HOME` is refused: nothing expands it in a .env, and a folder of that name would be
 * created in the working folder.
 */
export function path(value: string): string | null {
  const written = value.trim();
  const wrong = written === "" || /[$\0\n\r]/.test(written) || /^~[^/]/.test(written);
  return wrong ? null : written;
}

export function timeZone(value: string): string | null {
  const zone = value.trim();
  // An offset has no daylight saving: "02:00 local time" would no longer be the time that people mean.
  if (zone === "" || /^(?:[+-]|\d|GMT[+-]|UTC[+-])/i.test(zone)) return null;
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

export function webUrl(value: string): string | null {
  const url = URL.parse(value.trim());
  return url && ["http:", "https:"].includes(url.protocol) ? url.href : null;
}

export function systemdUnit(value: string): string | null {
  const unit = value.trim();
  return /^[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]{0,254}$/.test(unit) ? unit : null;
}

/** Names that MongoDB accepts, separated by commas. */
export function databaseNames(value: string): readonly string[] | null {
  const names = value.split(",").map((name) => name.trim());
  return names.every(isDatabaseName) ? [...new Set(names)] : null;
}

export function isDatabaseName(name: string): boolean {
  return name !== "" && Buffer.byteLength(name) < 64 && !/[/\\. "$\0]/.test(name);
}
