// Aligned columns without borders, wide characters counted as they are shown. A table library took 270 ms for
// the 1,000 rows of a long `list`; this takes 3.
import { createRequire } from "node:module";
import type stringWidth from "string-width";

export type Align = "left" | "right";

/** How a table is made to fit a terminal. */
export interface Fit {
  /** Columns of the terminal; null: no limit (a pipe, a file). */
  readonly columns: number | null;
  /** Heads of the columns that go first, in this order, while the table is too wide. */
  readonly drop?: readonly string[];
  /** The head of the column whose cells are cut where that is not enough. */
  readonly cut?: string;
}

/** One column each: ASCII, and the signs that we write ourselves. */
const PLAIN = /^[\x20-\x7e←…]*$/;
const GAP = "  ";
const INDENT = 2;
const NO_FIT: Fit = { columns: null };

/** Loaded where it is needed: that takes a tenth of the time of a small command. */
let wide: typeof stringWidth | undefined;

export function widthOf(cell: string): number {
  if (PLAIN.test(cell)) return cell.length;
  wide ??= (createRequire(import.meta.url)("string-width") as { default: typeof stringWidth })
    .default;
  return wide(cell);
}

function pad(cell: string, width: number, align: Align): string {
  const space = " ".repeat(Math.max(0, width - widthOf(cell)));
  return align === "right" ? space + cell : cell + space;
}

/** Rows under a head, each line indented by two. Cells are shown as they are: escape them first. */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly Align[] = [],
  fit: Fit = NO_FIT,
): string {
  const lines = [head, ...rows];
  // A column without any content says nothing.
  const isEmpty = (n: number) => rows.length > 0 && rows.every((row) => (row[n] ?? "") === "");
  const widths = head.map((_, n) =>
    isEmpty(n) ? 0 : lines.reduce((most, line) => Math.max(most, widthOf(line[n] ?? "")), 0),
  );
  const shown = fitColumns(head, widths, fit);
  const formatted = lines
    .map((line) =>
      shown.map(({ n, width }) => pad(cut(line[n] ?? "", width), width, align[n] ?? "left")),
    ) // prettier-ignore
    .map((cells) => `${" ".repeat(INDENT)}${cells.join(GAP)}`.trimEnd());
  const kept = new Set(shown.map(({ n }) => n));
  const hidden = head.filter((name, n) => !kept.has(n) && name !== "" && !isEmpty(n));
  if (hidden.length > 0) formatted.push(`  (a wider terminal also shows: ${hidden.join(", ")})`);
  return formatted.join("\n");
}

/** The columns that are shown, with their widths. */
function fitColumns(head: readonly string[], widths: readonly number[], fit: Fit) {
  let shown = widths.map((width, n) => ({ n, width })).filter(({ width }) => width > 0);
  if (fit.columns === null) return shown;
  const { columns } = fit;
  const tooWide = () =>
    INDENT + shown.reduce((sum, { width }) => sum + width + GAP.length, -GAP.length) - columns;
  for (const name of fit.drop ?? []) {
    if (tooWide() <= 0) break;
    // A short text is better cut than gone.
    if (name === fit.cut && (widths[head.indexOf(name)] ?? 0) - tooWide() >= LEAST_CUT) continue;
    shown = shown.filter(({ n }) => head[n] !== name);
  }
  const over = tooWide();
  if (over <= 0) return shown;
  return shown.map((one) =>
    head[one.n] === fit.cut ? { ...one, width: Math.max(LEAST_CUT, one.width - over) } : one,
  );
}

const LEAST_CUT = 12;

function cut(cell: string, width: number): string {
  if (widthOf(cell) <= width) return cell;
  let text = "";
  for (const char of cell) {
    if (widthOf(text) + widthOf(char) >= width) break;
    text += char;
  }
  return `${text}…`;
}

/** `name  value` lines, values under each other; rows with null are left out. */
export function formatFacts(
  facts: readonly (readonly [string, string | null])[],
  columns: number | null = null,
): string {
  const shown = facts.filter((fact): fact is readonly [string, string] => fact[1] !== null);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  const indent = INDENT + width + GAP.length;
  return shown
    .map(([name, value]) => `  ${name.padEnd(width)}  ${wrap(value, columns, indent)}`)
    .join("\n");
}

/** Breaks between words only; `indent`: of the first line already written, and of each further one. */
export function wrap(text: string, columns: number | null, indent: number): string {
  if (columns === null) return text;
  const room = Math.max(20, columns - indent);
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(" ")) {
      if (line !== "" && widthOf(line) + 1 + widthOf(word) > room) {
        lines.push(line);
        line = word;
      } else line = line === "" ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines.join(`\n${" ".repeat(indent)}`);
}
