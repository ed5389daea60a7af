// A comparison for somebody at 2 a.m.: is a restore needed, of what, and what would it cost.
import { isWorthRestoring } from "../../jobs/inspect/diff-advice.ts";
import type { DiffResult } from "../../jobs/results.ts";
import { formatCount } from "../../util/units.ts";
import { escapeText } from "../escape.ts";
import type { View } from "../style.ts";
import { formatTable } from "../table.ts";
import { formatNumber } from "./parts.ts";

type Compared = DiffResult["collections"][number];

const ALIGN = ["left", "right", "right", "right", "left"] as const;

const LEGEND =
  "  only in the backup: a restore brings it back; only live: written since, a restore would lose it";

export function formatDiff(result: DiffResult, { style }: View): string {
  const { backup, other, collections, notCompared } = result;
  const isLive = other === "live";
  const title = `${escapeText(backup)} compared with ${isLive ? "the live data" : escapeText(other)}`;
  const differing = collections.filter(({ equal }) => !equal);
  const names: Names = isLive
    ? { backup: "only in the backup", other: "only live" }
    : { backup: "only in the first", other: "only in the second" };
  const lines = [
    style.bold(title),
    differing.length === 0 ? "" : formatTable(["collection", names.backup, names.other, "changed", "besides"], differing.map(rowOf), ALIGN), // prettier-ignore
    isLive && differing.length > 0 ? LEGEND : "",
    ...differing.flatMap((one) => samplesOf(one, names)),
    `equal: ${formatNumber(collections.length - differing.length, "collection")} of ${formatCount(collections.length)}; not compared: ${notCompared.map(escapeText).join(", ")}`,
    ...(isLive ? adviceOf(result, style) : [differing.length === 0 ? style.good("they hold the same") : ""]), // prettier-ignore
  ];
  return lines.filter((line) => line !== "").join("\n");
}

interface Names {
  readonly backup: string;
  readonly other: string;
}

function rowOf(one: Compared): string[] {
  return [
    escapeText(one.namespace),
    formatCount(one.removed),
    formatCount(one.added),
    formatCount(one.changed),
    besidesOf(one),
  ];
}

function besidesOf({ documents, indexes, options, unit, type }: Compared): string {
  const named = (what: string, list: readonly string[]) =>
    list.length === 0 ? [] : [`${what} ${list.map(escapeText).join(", ")}`];
  if (documents.other === null) return "the whole collection is missing on the other side";
  if (documents.backup === null) return "the whole collection is new: a restore leaves it alone";
  return [
    ...(unit === "buckets" ? ["counted in buckets"] : []),
    ...(type.backup === type.other ? [] : [`was a ${type.backup ?? ""}, is a ${type.other ?? ""}`]),
    ...named("index missing:", indexes.removed),
    ...named("index new:", indexes.added),
    ...named("index changed:", indexes.changed),
    ...(options === "differs" && type.backup === type.other ? ["options differ"] : []),
    ...(options === "unknown" ? ["indexes and options unknown"] : []),
  ].join("; ");
}

function samplesOf({ namespace, samples, removed, added, changed }: Compared, names: Names) {
  const line = (what: string, ids: readonly string[], all: number) => {
    if (ids.length === 0) return [];
    const more = all > ids.length ? ` and ${formatCount(all - ids.length)} more` : "";
    return [`    ${what}: ${ids.map(escapeText).join(", ")}${more}`];
  };
  const lines = [
    ...line(names.backup, samples.removed, removed),
    ...line(names.other, samples.added, added),
    ...line("changed", samples.changed, changed),
  ];
  return lines.length === 0 ? [] : [`  ${escapeText(namespace)}, by _id`, ...lines];
}

function adviceOf({ collections, restoreCommand, equal }: DiffResult, style: View["style"]) {
  if (equal) return [style.good("nothing differs: no restore is needed")];
  if (restoreCommand === null)
    return [
      style.good("nothing of the backup is missing or changed; there only is more than in it:"),
      "no restore is needed, unless what was added is what is wrong",
    ];
  const wanted = collections.filter(isWorthRestoring);
  const sum = (kind: "removed" | "added" | "changed") => wanted.reduce((n, one) => n + one[kind], 0); // prettier-ignore
  const brings = [
    ...(sum("removed") === 0 ? [] : [`bring ${formatNumber(sum("removed"), "document")} back`]),
    ...(sum("changed") === 0 ? [] : [`undo ${formatNumber(sum("changed"), "change")}`]),
    ...(wanted.some(isRedefined) ? ["put definitions back"] : []),
  ];
  const loses = sum("added") === 0 ? "" : `, and would lose ${formatNumber(sum("added"), "document")} written since`; // prettier-ignore
  return [
    style.warn(
      `a restore of ${formatNumber(wanted.length, "collection")} would ${brings.join(" and ")}${loses}`,
    ),
    `its plan, which changes nothing yet: ${style.bold(escapeText(restoreCommand))}`,
  ];
}

/** Its indexes, options or kind are not what they were; or it is gone, be it an empty one. */
function isRedefined({ indexes, options, documents }: Compared): boolean {
  const differing = indexes.added.length + indexes.removed.length + indexes.changed.length;
  return differing > 0 || options === "differs" || documents.other === null;
}
