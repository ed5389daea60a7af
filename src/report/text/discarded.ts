// The replaced data that restores retain beside the live data, before and after it is discarded.
import type { Discarded, KeptCollection } from "../../jobs/results.ts";
import { formatCount } from "../../util/units.ts";
import { escapeText } from "../escape.ts";
import type { View } from "../style.ts";
import { formatTable } from "../table.ts";
import { formatNumber } from "./parts.ts";

export function formatDiscarded({ planned, dropAside }: Discarded, { style }: View): string {
  if (dropAside.length === 0) return "no replaced data is retained";
  const rows = dropAside.map((one) => [
    escapeText(one.namespace),
    one.restoreId,
    one.documents === null ? "?" : formatCount(one.documents),
    stateOf(one),
  ]);
  const head = ["collection", "of restore", "documents", ""];
  const table = formatTable(head, rows, ["left", "left", "right", "left"]);
  const count = formatNumber(dropAside.length, "collection");
  if (!planned) return `${table}\n${style.good("discarded")}: ${count}`;
  return `${table}\nnothing was changed: ${style.bold("the same with --confirm")} deletes ${count} for good`;
}

function stateOf({ role, inBackup }: KeptCollection): string {
  if (role === "staged") return "left by an interrupted restore";
  if (inBackup === true) return "replaced; a backup holds it";
  return "replaced; NOT all of it is in a backup";
}
