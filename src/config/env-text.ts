// Parses the text of a .env as node does (util.parseEnv), and finds values that node silently reads differently from
// what is meant: it cuts an unquoted value at #, keeps ${…} literally, and drops text after a closing quote.
import { parseEnv } from "node:util";
import { findInvisible, withoutInvisible, withoutInvisibleAroundNames } from "./invisible.ts";

type Quote = "'" | '"' | "`";

/** One assignment as written. */
export interface Assignment {
  readonly name: string;
  readonly line: number;
  /**
   * The written value: without its quotes; for an unquoted one everything up to the end of the line, including a
   * comment.
   */
  readonly written: string;
  readonly quote: Quote | null;
  /** The text after the closing quote on its line. */
  readonly rest: string;
}

/** A value that node would read differently from what the person means. */
export interface Trap {
  readonly problem: string;
  /** The assignment as it should be written; a secret value is masked. */
  readonly better: string;
  /** A sentence: what to do. */
  readonly advice: string;
}

/**
 * Removes byte order marks and similar characters around names, CR, `export`, and blanks after `NAME=` (which make node
 * read the next line as the value).
 */
export function normalizeEnvText(text: string): string {
  return withoutInvisibleAroundNames(text.replace(/\r\n?/g, "\n"))
    .replace(/^[ \t]*(?:export[ \t]+)+/gm, "")
    .replace(/^([ \t]*[\w.-]+[ \t]*=)[ \t]+$/gm, "$1");
}

/** The values as parsed by node. */
export function parseEnvText(normalized: string): ReadonlyMap<string, string> {
  const values = Object.entries(parseEnv(normalized));
  return new Map(values.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

/** The assignments in text order, split as node splits them. */
export function listAssignments(normalized: string): Assignment[] {
  const found: Assignment[] = [];
  let at = 0;
  let line = 1;
  while (at < normalized.length) {
    const start = at;
    const text = lineAt(normalized, at);
    const sign = text.indexOf("=");
    if (sign !== -1 && !text.trimStart().startsWith("#")) {
      const value = valueAt(normalized, afterBlanks(normalized, at + sign + 1));
      found.push({ name: text.slice(0, sign).trim(), line, ...value.assignment });
      at = value.end;
    }
    at = endOfLine(normalized, at) + 1;
    line += normalized.slice(start, at).split("\n").length - 1;
  }
  return found.filter(({ name }) => name !== "");
}

function valueAt(text: string, at: number) {
  const quote = text.charAt(at);
  const close = quote === "'" || quote === '"' || quote === "`" ? text.indexOf(quote, at + 1) : -1;
  if (close === -1) {
    const end = endOfLine(text, at);
    return { end, assignment: { written: withoutBlanks(text, at, end), quote: null, rest: "" } };
  }
  const end = endOfLine(text, close);
  return {
    end,
    assignment: {
      written: text.slice(at + 1, close),
      quote: quote as Quote,
      rest: text.slice(close + 1, end).trim(),
    },
  };
}

/** Same as node: other blanks stay, and are reported. */
function withoutBlanks(text: string, from: number, to: number): string {
  let end = to;
  while (end > from && (text[end - 1] === " " || text[end - 1] === "\t")) end--;
  return text.slice(from, end);
}

/** Not a regular expression: on a line with thousands of blanks it would take quadratic time or worse. */
function afterBlanks(text: string, from: number): number {
  let at = from;
  while (text[at] === " " || text[at] === "\t") at++;
  return at;
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end === -1 ? text.length : end;
}

function lineAt(text: string, at: number): string {
  return text.slice(at, endOfLine(text, at));
}

/**
 * What is wrong with the written form of a value; null: nothing. `secret` masks it. @param names of the other
 * assignments, which the value may refer to
 */
export function findTrap(
  assignment: Assignment,
  secret: boolean,
  names: ReadonlySet<string> = new Set(),
): Trap | null {
  const problem = problemOf(assignment, secret) ?? unfilled(assignment, names);
  if (problem === null) return null;
  const { name, quote, written, rest } = assignment;
  const whole = quote === null ? written : `${written}${rest === "" ? "" : quote + rest}`;
  const better = `${name}=${quoted(whole, secret)}`;
  return { problem, better, advice: adviceFor(problem, name, better) };
}

const UNFILLED = "that nothing replaces";
/** In these a `$` never stands for itself. */
const NEVER_DOLLAR = /_(URI|URL|HOST)$/;
/** Commands, in which a shell expands variables. */
const VALUE_ALONE = /_(URI|URL|HOST|USERNAME|USER|PASSWORD|PASS|DATABASE|DB|DIR|LOG|FILE)$/;

function adviceFor(problem: string, name: string, better: string): string {
  if (!problem.endsWith(UNFILLED)) return `Write it in quotes: ${better}`;
  const plain = `mongokeep fills in nothing: write what it stands for in its place, ${name}='…'.`;
  return NEVER_DOLLAR.test(name) ? plain : `${plain} If it is meant as it stands: ${better}`;
}

/** `$NAME` of another assignment, as dotenv-expand and docker compose would expand it. */
function unfilled({ name, quote, written }: Assignment, names: ReadonlySet<string>): string | null {
  if (!VALUE_ALONE.test(name) || quote === "'") return null;
  const value = quote === null ? written.replace(/(^|\s)#.*$/s, "") : written;
  const found = [...value.matchAll(/\$([A-Za-z_]\w*)/g)].find(([, other = ""]) => names.has(other));
  return found ? `has a ${found[0]} ${UNFILLED}` : null;
}

function problemOf({ name, written, quote, rest }: Assignment, secret: boolean): string | null {
  if (quote === null) return unquotedProblem(written);
  if (rest !== "" && !rest.startsWith("#"))
    return "has text after its closing quote, which is lost";
  if (quote !== '"') return null;
  if (written.includes("${")) return `has a \${ ${UNFILLED}`;
  // A command may contain one on purpose.
  const isKey = secret && !name.startsWith("SERVICE_");
  return isKey && written.includes("\\n") ? "has a \\n that becomes a line end" : null;
}

function unquotedProblem(written: string): string | null {
  if (/^['"`]/.test(written)) return "begins with a quote that is never closed";
  if (TYPOGRAPHIC.test(written)) return "begins with a typographic quotation mark, which is none";
  const hash = written.indexOf("#");
  if (hash === 0 || (hash > 0 && !/\s/.test(written.charAt(hash - 1)))) {
    return "has a # without quotes: all from there on is lost";
  }
  const value = hash === -1 ? written : written.slice(0, hash);
  if (value.includes("${")) return `has a \${ ${UNFILLED}`;
  const invisible = findInvisible(value);
  return invisible === null ? null : `has an invisible character (${invisible})`;
}

/** As written by word processors and web pages. */
const TYPOGRAPHIC = /^[\u2018-\u201f\u00ab\u00bb\u2039\u203a]/;
const TYPOGRAPHIC_PAIR =
  /^[\u2018-\u201f\u00ab\u00bb\u2039\u203a](.*)[\u2018-\u201f\u00ab\u00bb\u2039\u203a]$/s;

function quoted(value: string, secret: boolean): string {
  const visible = withoutInvisible(value);
  const bare = visible.replace(/^(['"`])(.*)\1$/s, "$2").replace(TYPOGRAPHIC_PAIR, "$1");
  const quote = ["'", "`", '"'].find((mark) => !bare.includes(mark)) ?? "'";
  return `${quote}${secret ? "…" : bare}${quote}`;
}
