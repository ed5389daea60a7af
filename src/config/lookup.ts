// Finds the text of a setting under any of its names. The process environment overrides the file for each name. Two
// names of one setting with different values on the same level are an error.
import { KeepError } from "../errors.ts";
import type { EnvFile } from "./env-file.ts";

/** 1: the process environment; 2: the .env file. */
export type Level = 1 | 2;

export interface Found {
  readonly name: string;
  readonly text: string;
  readonly level: Level;
}

export interface Lookup {
  /** null if it is not set, or empty: an empty variable of the environment unsets the file's. */
  find(names: readonly string[]): Found | null;
  /** "the environment", or the file's path. */
  placeOf(level: Level): string;
}

export function createLookup(
  env: Readonly<Record<string, string | undefined>>,
  file: EnvFile | null,
): Lookup {
  const placeOf = (level: Level) => (level === 1 ? "the environment" : (file?.path ?? ".env"));
  const levels = [
    { level: 1, read: (name: string) => env[name] },
    { level: 2, read: (name: string) => file?.values.get(name) },
  ] as const;
  return {
    placeOf,
    find(names) {
      for (const { level, read } of levels) {
        const set = names.flatMap((name) => {
          const text = read(name);
          return text === undefined ? [] : [{ name, text, level }];
        });
        if (set.length === 0) continue;
        const filled = set.filter(({ text }) => text.trim() !== "");
        refuseContradiction(filled, placeOf(level));
        return filled[0] ?? null;
      }
      return null;
    },
  };
}

function refuseContradiction(found: readonly Found[], place: string): void {
  const [first, ...others] = found;
  const other = others.find(({ text }) => text.trim() !== first?.text.trim());
  if (first === undefined || other === undefined) return;
  throw new KeepError(
    "bad-setting",
    `${first.name} and ${other.name} in ${place} are the same setting with different values`,
    { hint: `Keep ${first.name} and remove ${other.name}.`, details: { setting: first.name } },
  );
}
