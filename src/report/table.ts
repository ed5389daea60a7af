// Aligned columns without borders. cli-table3 is loaded only where there is a table to show.

export type Align = "left" | "right";

/** Rows under a head, each line indented by two. Cells are shown as they are: escape them first. */
export async function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly Align[] = [],
): Promise<string> {
  const { default: Table } = await import("cli-table3");
  const line = { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" };
  const top = { top: "", "top-mid": "", "top-left": "", "top-right": "" };
  const bottom = { bottom: "", "bottom-mid": "", "bottom-left": "", "bottom-right": "" };
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, n) => align[n] ?? "left"),
    chars: { ...top, ...bottom, ...line, left: " ", right: "", middle: " " },
    style: { head: [], border: [], "padding-left": 1, "padding-right": 0 },
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split("\n")
    .map((text) => text.trimEnd())
    .join("\n");
}

/** `name  value` lines, values under each other; rows with null are left out. */
export function formatFacts(facts: readonly (readonly [string, string | null])[]): string {
  const shown = facts.filter((fact): fact is readonly [string, string] => fact[1] !== null);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join("\n");
}
