// Sets values in the text of a .env. What must stay true: every other line keeps its bytes, and the text is read back
// with the values that were asked for. Pure.
import { KeepError } from "../errors.ts";
import { listAssignments, normalizeEnvText, parseEnvText } from "./env-text.ts";
import type { Assignment } from "./env-text.ts";

export interface Edit {
  /** The setting first, then its other names: where one of them stands in the file, that line is changed. */
  readonly names: readonly [string, ...string[]];
  readonly value: string;
}

export interface Edited {
  readonly text: string;
  /** Names whose value changed or was added, in the order of the edits. */
  readonly changed: readonly string[];
}

/** @throws KeepError usage: a value that no quoting of a .env can hold */
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
  // From the end, so that the line numbers before stay right.
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

/** What stands behind the value on its line. */
function commentOf({ quote, written, rest }: Assignment): string {
  if (quote !== null) return rest.startsWith("#") ? rest : "";
  return /\s(#.*)$/.exec(` ${written}`)?.[1] ?? "";
}

function appendLine(text: string, line: string): string {
  const end = text.includes("\r\n") ? "\r\n" : "\n";
  const gap = text === "" || /[\r\n]$/.test(text) ? "" : end;
  return `${text}${gap}${line}${end}`;
}

/** Lines with their ends, cut where normalizeEnvText sees an end. */
function splitLines(text: string): string[] {
  return text.split(/(?<=\r\n|\n|\r(?!\n))/);
}

const lineEnd = (line: string) => /(?:\r\n|\n|\r)?$/.exec(line)?.[0] ?? "";

/** Single quotes where they will do: in double ones Node reads `\n` as a line end. */
function quoteValue(name: string, value: string): string {
  if (/^[\w./:@,+-]+$/.test(value)) return value;
  const isTold = value.includes("\\n") || value.includes("${");
  const quote = ["'", "`", ...(isTold ? [] : ['"'])].find((mark) => !value.includes(mark));
  if (quote === undefined || /[\r\n]/.test(value))
    throw new KeepError("usage", `the value of ${name} cannot be written into a .env file`, {
      hint: "It has a line end, or all kinds of quotes. Put a command like that into a script, and name the script.",
    });
  return `${quote}${value}${quote}`;
}
