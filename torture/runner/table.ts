// The table of results, for a terminal and for docs/reliability.md.
import Table from "cli-table3";
import type { CaseResult } from "./run-case.ts";

const PLAIN = { style: { head: [], border: [] } };

export function formatTable(results: readonly CaseResult[]): string {
  const table = new Table({
    head: ["case", "trials", "survived", "seconds", "how they ended"],
    colWidths: [24, 14, 10, 9, 60],
    wordWrap: true,
    ...PLAIN,
  });
  for (const result of results) {
    table.push([
      result.name,
      trialsOf(result),
      survivedOf(result),
      result.seconds.toFixed(0),
      endingsOf(result),
    ]);
  }
  return String(table);
}

/** Rows of a Markdown table: case, fault, what holds, trials, survived. */
export function formatMarkdown(results: readonly CaseResult[]): string {
  const rows = results.map((result) =>
    [`\`${result.name}\``, result.fault, result.holds, trialsOf(result), survivedOf(result)].join(
      " | ",
    ),
  );
  const head = "| case | what is done | what must hold | trials | survived |";
  return [head, "| --- | --- | --- | ---: | ---: |", ...rows.map((row) => `| ${row} |`)].join("\n");
}

function trialsOf({ skipped, planned, done }: CaseResult): string {
  if (skipped !== null) return "skipped";
  return done === planned ? String(done) : `${done} of ${planned}`;
}

function survivedOf({ skipped, done, failures }: CaseResult): string {
  return skipped !== null ? "" : String(Math.max(0, done - failures.length));
}

function endingsOf({ skipped, endings }: CaseResult): string {
  if (skipped !== null) return skipped;
  return Object.entries(endings)
    .sort(([, a], [, b]) => b - a)
    .map(([ending, count]) => `${count} × ${ending}`)
    .join("; ");
}
