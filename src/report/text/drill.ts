// What a drill found, in short; the page that it wrote has all of it.
import type { DrillResult } from "../../jobs/results.ts";
import { formatCount } from "../../util/units.ts";
import { escapeText } from "../escape.ts";
import type { View } from "../style.ts";
import { formatSeconds } from "../times.ts";
import { formatNumber } from "./parts.ts";
import { formatProblem } from "./verify.ts";

export function formatDrill(result: DrillResult, { style }: View): string {
  const { ok, backup, collections, checks, problems, seconds, report } = result;
  const documents = collections.reduce((n, one) => n + (one.documents.restored ?? 0), 0);
  const equal = collections.filter((one) => one.equal).length;
  const name = escapeText(backup);
  const head = ok
    ? `${style.good("the drill passed")}  ${name} restores: ${formatNumber(documents, "document")} in ${formatNumber(collections.length, "collection")}, all as in the backup, ${formatSeconds(seconds)}`
    : `${style.bad("THE DRILL FAILED")}  ${name}, ${formatSeconds(seconds)}`;
  const compared =
    ok || collections.length === 0
      ? []
      : [`  equal: ${formatNumber(equal, "collection")} of ${formatCount(collections.length)}`];
  return [
    head,
    ...problems.map((one) => `  ${style.bad("!")} ${formatProblem(one).replace(/^: /, "")}`),
    ...compared,
    ...checks.map((one) => {
      const mark = one.ok ? style.good("passed") : style.bad("FAILED");
      return `  ${mark} ${escapeText(one.name)}: ${escapeText(one.check)} (${escapeText(one.found)})`;
    }),
    `report: ${escapeText(report)}`,
  ].join("\n");
}
