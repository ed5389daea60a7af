// What a drill found, in short; the page that it wrote has all of it.
import type { DrillResult } from "../../jobs/results.ts";
import { formatCount } from "../../util/units.ts";
import { escapeText } from "../escape.ts";
import type { View } from "../style.ts";
import { formatFacts, wrap } from "../table.ts";
import { formatSeconds } from "../times.ts";
import { formatNumber } from "./parts.ts";
import { formatProblem } from "./verify.ts";

export function formatDrill(result: DrillResult, { style, columns = null }: View): string {
  const { ok, backup, checks, problems, seconds, report } = result;
  const id = escapeText(backup);
  const head = ok
    ? `${style.good("the drill passed")}: ${id} restores`
    : `${style.bad("THE DRILL FAILED")}: ${id}`;
  const facts = [
    ["compared", comparisonOf(result)] as const,
    ["took", formatSeconds(seconds)] as const,
  ];
  return [
    head,
    ...problems.map((one) => {
      const problem = wrap(formatProblem(one).replace(/^: /, ""), columns, 4);
      return `  ${style.bad("!")} ${problem}`;
    }),
    formatFacts(facts, columns),
    ...checks.map((one) => {
      const mark = one.ok ? style.good("passed") : style.bad("FAILED");
      const check = `${escapeText(one.name)}: ${escapeText(one.check)} (${escapeText(one.found)})`;
      return `  ${mark} ${wrap(check, columns, 9)}`;
    }),
    `report: ${escapeText(report)}`,
  ].join("\n");
}

/** null: nothing was compared. */
function comparisonOf({ ok, collections }: DrillResult): string | null {
  if (collections.length === 0) return null;
  const documents = collections.reduce((n, one) => n + (one.documents.restored ?? 0), 0);
  const equal = collections.filter((one) => one.equal).length;
  return ok
    ? `${formatNumber(documents, "document")} in ${formatNumber(collections.length, "collection")}, all as in the backup`
    : `equal: ${formatNumber(equal, "collection")} of ${formatCount(collections.length)}`;
}
