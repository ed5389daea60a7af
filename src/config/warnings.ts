// Problems around the settings: misspelt names, and a .env that others can read.
import { KeepError } from "../errors.ts";
import type { EnvFile } from "./env-file.ts";
import { findNearMisses, metaOf } from "./names.ts";
import type { ReadValues } from "./values.ts";

/** @throws KeepError bad-setting if a misspelt name would change what is deleted, or who is alerted */
export function refuseGraveMiss(file: EnvFile | null): void {
  const miss = findNearMisses(file?.values.keys() ?? []).find(({ grave }) => grave);
  if (miss === undefined) return;
  throw new KeepError(
    "bad-setting",
    `${miss.written} in ${file?.path ?? ".env"} is not a setting`,
    {
      hint: `Did you mean ${miss.meant}?`,
      details: { setting: miss.written },
    },
  );
}

export function findWarnings(
  env: Readonly<Record<string, string | undefined>>,
  file: EnvFile | null,
  read: ReadValues,
  uriName: string | null,
): string[] {
  return [...missWarnings(env, file, uriName !== null), ...looseFile(file, read, uriName)];
}

/** A misspelt connection name matters only if nothing else gives the server. */
function missWarnings(
  env: Readonly<Record<string, string | undefined>>,
  file: EnvFile | null,
  hasUri: boolean,
): string[] {
  const misses = [
    ...findNearMisses(file?.values.keys() ?? []),
    // The environment is full of other programs' names, so only distinctive ones are checked.
    ...findNearMisses(Object.keys(env)).filter(({ grave }) => grave),
  ];
  return misses
    .filter(
      ({ setting }) =>
        !hasUri ||
        setting === "MONGODB_DATABASE" ||
        setting.startsWith("MONGOKEEP_") ||
        metaOf(setting).group !== "Connection",
    )
    .map(({ written, meant }) => `${written} is not used: did you mean ${meant}?`);
}

function looseFile(file: EnvFile | null, read: ReadValues, uriName: string | null): string[] {
  if (file === null || file.openBits === 0) return [];
  const holdsSecret = [...read.found].some(
    ([name, { level, text }]) =>
      level === 2 &&
      metaOf(name).secret &&
      (!/^(MONGODB|MONGOKEEP)_/.test(name) || name === "MONGODB_PASSWORD" || text.includes("@")) &&
      // Most commands of a service contain no secret.
      !name.startsWith("SERVICE_"),
  );
  const isShared = uriName === "DATABASE_URL" && file.values.has("DATABASE_URL");
  if (!holdsSecret && !isShared) return [];
  return [`${file.path} holds secrets and other users may open it: chmod 600 ${file.path}`];
}
