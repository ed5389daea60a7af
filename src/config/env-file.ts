// The .env file on disk: where it is, who can read it, and its values with every doubtful one refused.
import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { KeepError } from "../errors.ts";
import { findTrap, listAssignments, normalizeEnvText, parseEnvText } from "./env-text.ts";
import type { Assignment } from "./env-text.ts";
import { isOfApplication, isOurs, isSecretName, OWN_URI } from "./names.ts";

export interface EnvFile {
  readonly path: string;
  readonly folder: string;
  readonly values: ReadonlyMap<string, string>;
  /** Permission bits for group and others; 0 where only the owner may. */
  readonly openBits: number;
}

export const MOST_BYTES = 1 << 20;

/**
 * Reads `envFile`, or `.env` in `cwd` where none is named; null where that default is absent.
 * @throws KeepError bad-setting: a named file that is missing, an unreadable one, a value that node would cut
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
  const assignments = all.filter(({ name }) => counts(name));
  assignments.forEach((assignment) => {
    refuseTrap(assignment, path);
  });
  const values = parseEnvText(text);
  refuseDoubles(assignments, path);
  return { path, folder: dirname(path), values, openBits: read.mode & 0o077 };
}

async function readText(
  path: string,
  named: boolean,
): Promise<{ text: string; mode: number } | null> {
  try {
    const { mode, size } = await stat(path);
    if (size > MOST_BYTES)
      throw new KeepError("bad-setting", `${path} is too large for a .env file`);
    const bytes = await readFile(path);
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), mode };
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
  if (code === "ERR_ENCODING_INVALID_ENCODED_DATA")
    return `settings file ${path} is not UTF-8 text`;
  return `cannot read settings file ${path} (${code})`;
}

function refuseTrap(assignment: Assignment, path: string): void {
  const trap = findTrap(assignment, isSecretName(assignment.name));
  if (trap === null) return;
  throw new KeepError(
    "bad-setting",
    `${assignment.name} in ${path} line ${assignment.line} ${trap.problem}`,
    { hint: `Write it in quotes: ${trap.better}`, details: { setting: assignment.name } },
  );
}

/** The later one would win silently: which was meant? */
function refuseDoubles(assignments: readonly Assignment[], path: string): void {
  const seen = new Map<string, Assignment>();
  for (const assignment of assignments) {
    const earlier = seen.get(assignment.name);
    if (earlier && earlier.written !== assignment.written) {
      throw new KeepError(
        "bad-setting",
        `${assignment.name} stands twice in ${path}, in lines ${earlier.line} and ${assignment.line}, with different values`,
        { hint: "Take one of the two lines out.", details: { setting: assignment.name } },
      );
    }
    seen.set(assignment.name, assignment);
  }
}
