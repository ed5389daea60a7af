// The .env file on disk: where it is, who can read it, and its values. Every doubtful value is refused.
import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { KeepError } from "../errors.ts";
import { findTrap, listAssignments, normalizeEnvText, parseEnvText } from "./env-text.ts";
import type { Assignment } from "./env-text.ts";
import { decodeEnvText, REPLACED } from "./env-encoding.ts";
import type { DecodedText } from "./env-encoding.ts";
import { isOfApplication, isOurs, isSecretName, OWN_URI } from "./names.ts";

export interface EnvFile {
  readonly path: string;
  readonly folder: string;
  readonly values: ReadonlyMap<string, string>;
  /** Permission bits for group and others; 0 if only the owner has access. */
  readonly openBits: number;
}

export const MOST_BYTES = 1 << 20;

/**
 * Reads `envFile`, or `.env` in `cwd` if none is given; null if that default is missing. @throws KeepError bad-setting:
 * a named file that is missing, an unreadable file, a value that node would cut
 */
export async function readEnvFile(
  envFile: string | undefined,
  cwd: string,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<EnvFile | null> {
  const path = resolve(cwd, envFile ?? ".env");
  const read = await readText(path, envFile !== undefined);
  if (read === null) return null;
  const text = normalizeEnvText(read.text);
  const all = listAssignments(text);
  const ownUri = env[OWN_URI] ?? all.findLast(({ name }) => name === OWN_URI)?.written ?? "";
  const counts = (name: string) => isOurs(name) && !(ownUri.trim() !== "" && isOfApplication(name));
  const names = new Set(all.map(({ name }) => name));
  const assignments = all.filter(({ name }) => counts(name));
  assignments.forEach((assignment) => {
    refuseTrap(assignment, path, names);
  });
  const values = parseEnvText(text);
  refuseDoubles(assignments, path);
  if (read.isLoose) refuseOtherText(assignments, values, path);
  return { path, folder: dirname(path), values, openBits: read.mode & 0o077 };
}

async function readText(
  path: string,
  named: boolean,
): Promise<(DecodedText & { mode: number }) | null> {
  try {
    const { mode, size } = await stat(path);
    if (size > MOST_BYTES)
      throw new KeepError("bad-setting", `${path} is too large for a .env file`);
    const bytes = await readFile(path);
    return { ...decodeEnvText(bytes, path), mode };
  } catch (error) {
    if (error instanceof KeepError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (code === "ENOENT" && !named) return null;
    throw new KeepError("bad-setting", readProblem(path, code), {
      hint: "Name the file that holds the settings: mongokeep --env-file /path/to/.env",
      cause: error,
    });
  }
}

function readProblem(path: string, code: string): string {
  if (code === "ENOENT") return `settings file ${path} does not exist`;
  if (code === "EISDIR") return `settings file ${path} is a folder`;
  return `cannot read settings file ${path} (${code})`;
}

/**
 * Text that is not UTF-8 matters only in a setting of mongokeep, where it changes the value; comments and other
 * settings are ignored.
 */
function refuseOtherText(
  assignments: readonly Assignment[],
  values: ReadonlyMap<string, string>,
  path: string,
): void {
  const wrong = assignments.find(({ name }) => values.get(name)?.includes(REPLACED));
  if (wrong === undefined) return;
  throw new KeepError(
    "bad-setting",
    `${wrong.name} in ${path} line ${wrong.line} is not UTF-8 text`,
    {
      hint: "Save the file as UTF-8 (an editor's `save with encoding`), then check the line: it was written with another encoding.",
      details: { setting: wrong.name },
    },
  );
}

function refuseTrap(assignment: Assignment, path: string, names: ReadonlySet<string>): void {
  const trap = findTrap(assignment, isSecretName(assignment.name), names);
  if (trap === null) return;
  throw new KeepError(
    "bad-setting",
    `${assignment.name} in ${path} line ${assignment.line} ${trap.problem}`,
    { hint: trap.advice, details: { setting: assignment.name } },
  );
}

/** The later one would override the earlier one silently. */
function refuseDoubles(assignments: readonly Assignment[], path: string): void {
  const seen = new Map<string, Assignment>();
  for (const assignment of assignments) {
    const earlier = seen.get(assignment.name);
    if (earlier && earlier.written !== assignment.written) {
      throw new KeepError(
        "bad-setting",
        `${assignment.name} is set twice in ${path}, in lines ${earlier.line} and ${assignment.line}, with different values`,
        { hint: "Remove one of the two lines.", details: { setting: assignment.name } },
      );
    }
    seen.set(assignment.name, assignment);
  }
}
