// Sets values in the text of a .env. What must stay true: every other line keeps its bytes, and reading the text again
// gives the requested values. Pure.
import { KeepError } from "../errors.ts";
import { listAssignments, normalizeEnvText, parseEnvText } from "./env-text.ts";
import type { Assignment } from "./env-text.ts";

export interface Edit {
  /** The setting first, then its other names: if the file contains one of them, that line is changed. */
  readonly names: readonly [string, ...string[]];
  readonly value: string;
}

export interface Edited {
  readonly text: string;
  /** Names whose value was changed or added, in the order of the edits. */
  readonly changed: readonly string[];
}

/** @throws KeepError usage: a value that no quoting of a .env can represent */
export function editEnv(text: string, edits: readonly Edit[]): Edited {
  let edited = text;
  const changed: string[] = [];
  for (const { names, value } of edits) {
    const normalized = normalizeEnvText(edited);
    const values = parseEnvText(normalized);
    const written = names.filter((name) => values.has(name));
    for (const name of written.length > 0 ? written : [names[0]]) {
      if (values.get(name) === value) continue;
      edited = setValue(edited, name, value);
      changed.push(name);
    }
  }
  return { text: edited, changed };
}

function setValue(text: string, name: string, value: string): string {
  const places = listAssignments(normalizeEnvText(text)).filter((one) => one.name === name);
  const lines = splitLines(text);
  // From the end, so that earlier line numbers stay correct.
  for (const place of places.reverse()) replaceAt(lines, place, quoteValue(name, value));
  return places.length > 0
    ? lines.join("")
    : appendLine(text, `${name}=${quoteValue(name, value)}`);
}

function replaceAt(lines: string[], place: Assignment, quoted: string): void {
  const spanned = place.quote === null ? 1 : place.written.split("\n").length;
  const at = place.line - 1;
  const before = /^[^=]*=/.exec(lines[at] ?? "")?.[0] ?? `${place.name}=`;
  const end = lineEnd(lines[at + spanned - 1] ?? "");
  const comment = commentOf(place);
  lines.splice(at, spanned, `${before}${quoted}${comment === "" ? "" : ` ${comment}`}${end}`);
}

/** The text after the value on its line. */
function commentOf({ quote, written, rest }: Assignment): string {
  if (quote !== null) return rest.startsWith("#") ? rest : "";
  return /\s(#.*)$/.exec(` ${written}`)?.[1] ?? "";
}

function appendLine(text: string, line: string): string {
  const end = text.includes("\r\n") ? "\r\n" : "\n";
  const gap = text === "" || /[\r\n]$/.test(text) ? "" : end;
  return `${text}${gap}${line}${end}`;
}

/** Lines with their ends, split where normalizeEnvText finds a line end. */
function splitLines(text: string): string[] {
  return text.split(/(?<=\r\n|\n|\r(?!\n))/);
}

const lineEnd = (line: string) => /(?:\r\n|\n|\r)?$/.exec(line)?.[0] ?? "";

/**
 * Single quotes if possible: in double ones Node reads `
 * ` as a line break.
 */
function quoteValue(name: string, value: string): string {
  if (/^[\w./:@,+-]+$/.test(value)) return value;
  const isTold = value.includes("\\n") || value.includes("${");
  const quote = ["'", "`", ...(isTold ? [] : ['"'])].find((mark) => !value.includes(mark));
  if (quote === undefined || /[\r\n]/.test(value))
    throw new KeepError("usage", `cannot write the value of ${name} into a .env file`, {
      hint: "It has a line break, or all kinds of quotes. Put such a command into a script, and set the name of the script.",
    });
  return `${quote}${value}${quote}`;
}
