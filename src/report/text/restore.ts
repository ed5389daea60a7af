// A restore before it happens (the plan) and after it.
import type { PlannedCollection } from "../../restore/plan.ts";
import type { ManifestSummary, PlannedRestore, RestoreResult } from "../../jobs/results.ts";
import type { Estimate } from "../../jobs/estimate.ts";
import { formatBytes, formatCount } from "../../util/units.ts";
import { escapeText } from "../escape.ts";
import type { View } from "../style.ts";
import { formatFacts, formatTable } from "../table.ts";
import { formatSeconds } from "../times.ts";
import { formatNumber, formatWhen } from "./parts.ts";

/** How many names are shown before the rest is only counted. */
const SHOWN = 8;

export function formatRestore(
  result: PlannedRestore | RestoreResult,
  command: "restore" | "rollback",
  view: View,
): string {
  return result.restored ? formatDone(result, view) : formatPlan(result, command, view);
}

function formatPlan(
  { plan, backup, manifest }: PlannedRestore,
  command: "restore" | "rollback",
  view: View,
): string {
  const { style } = view;
  const rows = plan.collections.map((one) => [
    one.action,
    escapeText(one.namespace),
    one.live?.type === "view" ? "view" : countOf(one.live?.documents ?? null, one.live !== null),
    sizeOf(one.live?.bytes ?? null),
    newestOf(one.live, view),
    one.type === "view" ? "view" : countOf(one.documents, true),
    one.type === "view" ? "" : sizeOf(one.rawBytes),
    newestOf(one, view),
    WAYS[plan.mode === "in-place" ? "all" : one.way],
  ]);
  const head = ["", "collection", "now", "", "newest now", "then", "", "newest then", ""];
  const table = rows.length === 0 ? "" : formatTable(head, rows, ["left", "left", "right", "right", "left", "right", "right", "left", "left"]); // prettier-ignore
  const { documents, rawBytes } = plan.totals;
  const { estimate } = plan;
  const steps = formatFacts([
    ["loads", plan.swapsBack ? "nothing: what was there before is still set aside" : `${formatNumber(documents, "document")}, ${formatBytes(rawBytes)}`], // prettier-ignore
    ["how", plan.swapsBack ? "swapped back by renames" : HOW[plan.mode]],
    ["indexes", indexesOf(plan)],
    ["replays", oplogOf(plan)],
    ["removes", namesOf(plan.remove)],
    ["keeps", namesOf(plan.keptLive)],
    ["users", namesOf(plan.usersOf)],
    ["stops", plan.stopsService === null ? null : escapeText(plan.stopsService)],
    ["down for", estimate.serviceDownSeconds === null ? null : `about ${formatSeconds(estimate.serviceDownSeconds)}`], // prettier-ignore
    ["takes", `about ${formatSeconds(estimate.seconds)} (${estimate.basis === "measured" ? "as last measured here" : "not measured here yet"})`], // prettier-ignore
    ["disk", diskOf(estimate)],
    ["protects", plan.swapsBack ? "what is there now is set aside" : protection(plan.targetWasEmpty, plan.makesPreRestoreBackup)], // prettier-ignore
  ]);
  const what = backup === null ? "plan" : `plan to restore ${escapeText(backup)}`;
  const next = `nothing was changed: ${style.bold(`the same ${command} with --confirm`)} does it`;
  const about = manifest === null ? "" : describeBackup(manifest, view);
  return [style.bold(what), about, table, steps, next].filter((part) => part !== "").join("\n");
}

/** Of `_id`s that are no ObjectIds, and in backups of earlier versions, nobody knows. */
function newestOf(of: PlannedCollection | PlannedCollection["live"], view: View): string {
  if (!of || of.type === "view" || of.documents === 0) return "-";
  return of.newestId === null ? "?" : formatWhen(of.newestId, view);
}

/** Only where the number changes: the rest says nothing to a person who has to decide. */
function indexesOf({ collections }: PlannedRestore["plan"]): string | null {
  const changes = collections.flatMap(({ namespace, indexes, live }) =>
    live && indexes !== null && live.type !== "view" && live.indexes !== indexes
      ? [`${namespace} ${live.indexes} now, ${indexes} then`]
      : [],
  );
  return namesOf(changes);
}

function oplogOf({ oplog, collections }: PlannedRestore["plan"]): string | null {
  if (!oplog) return null;
  const made = collections.filter((c) => c.fromOplog).map((c) => c.namespace);
  const makes = made.length > 0 ? `, which makes ${namesOf(made) ?? ""}` : "";
  const removes = oplog.removes.length > 0 ? ` and removes ${namesOf(oplog.removes) ?? ""}` : "";
  return `the oplog that was written during the dump${makes}${removes}`;
}

const HOW = {
  staged:
    "beside the live data, proved there, then swapped by renames; what is replaced stays aside",
  "in-place": "in place: drops what is replaced, then loads",
} as const;
const WAYS = { swap: "", view: "", "in-place": "in place", all: "" } as const;

const countOf = (documents: number | null, there: boolean) =>
  documents === null ? (there ? "?" : "-") : formatCount(documents);
const sizeOf = (bytes: number | null) => (bytes === null ? "" : formatBytes(bytes));

function diskOf({ neededBytes, freeBytes, missingBytes }: Estimate): string | null {
  if (neededBytes === 0) return null;
  const need = `${formatBytes(neededBytes)} on the server's disk`;
  if (freeBytes === null) return need;
  if (missingBytes === 0) return `${need}, ${formatBytes(freeBytes)} free`;
  return `${need}, and ${formatBytes(missingBytes)} are MISSING: make room, or use --in-place`;
}

function describeBackup(manifest: ManifestSummary, view: View): string {
  const { server, consistency, note, type } = manifest;
  return formatFacts([
    ["made", formatWhen(manifest.createdAt, view)],
    ["type", type],
    ["note", note === null ? null : escapeText(note)],
    ["from", `MongoDB ${escapeText(server.version)} (${server.topology})`],
    ["moment", consistency.mode === "none" ? "not one instant" : "one instant"],
  ]);
}

function protection(targetWasEmpty: boolean, makes: boolean): string {
  if (targetWasEmpty) return "nothing is there now that could be lost";
  return makes
    ? "what is there now is backed up first"
    : "NOT: what is there now is lost (--skip-pre-backup)";
}

function namesOf(names: readonly string[]): string | null {
  if (names.length === 0) return null;
  const more = names.length - SHOWN;
  const shown = names.slice(0, SHOWN).map(escapeText).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}

function beforeOf({ targetWasEmpty, setAside }: RestoreResult): string {
  if (targetWasEmpty) return "nothing was there";
  return setAside.length > 0 ? "set aside" : "not kept";
}

/** What was live and is kept, and whether that is more than the backup from before holds. */
function asideOf({ setAside }: RestoreResult): string | null {
  if (setAside.length === 0) return null;
  const late = setAside.filter((one) => !one.inBackup);
  const count = formatNumber(setAside.length, "collection");
  if (late.length === 0) return `${count}, all of it in the backup from before`;
  const documents = late.reduce((sum, one) => sum + (one.lateWrites ?? 0), 0);
  return `${count}; ${formatNumber(documents, "document")} written since the backup from before only there`;
}

const HOW_VERIFIED = {
  hash: "equal by count and hash",
  count: "equal by count only",
  definition: "a view, its definition equal",
  "renamed back": "renamed back, as they were",
  "not verified": "not verified",
} as const;

/** Exactly what was compared, and how. */
function verifiedOf(collections: RestoreResult["collections"]): string {
  const counted = Map.groupBy(
    collections.filter(({ equal }) => equal !== false),
    ({ verified }) => verified,
  );
  const kinds = ["hash", "count", "definition", "renamed back", "not verified"] as const;
  const parts = kinds.flatMap((how) => {
    const count = counted.get(how)?.length ?? 0;
    return count === 0 ? [] : [`${formatNumber(count, "collection")} ${HOW_VERIFIED[how]}`];
  });
  return parts.length === 0 ? "nothing" : parts.join(", ");
}

function formatDone(result: RestoreResult, { style }: View): string {
  const { collections, timings, serviceDownSeconds, preRestoreBackup } = result;
  const documents = collections.reduce((sum, one) => sum + (one.documents ?? 0), 0);
  const unequal = collections.filter(({ equal }) => equal === false).map((one) => one.namespace);
  const facts = formatFacts([
    ["backup", result.backup === null ? null : escapeText(result.backup)],
    ["takes back", result.rollbackOf],
    ["restored", formatNumber(documents, "document")],
    ["verified", verifiedOf(collections)],
    ["replayed", result.oplog && `${formatNumber(result.oplog.applied, "operation")} of the oplog`],
    ["not proved", namesOf(unequal)],
    ["before it", preRestoreBackup ?? beforeOf(result)],
    ["set aside", asideOf(result)],
    ["service down", serviceDownSeconds === null ? null : formatSeconds(serviceDownSeconds)],
    ["took", formatSeconds(timings.totalSeconds)],
    ["log", escapeText(result.log)],
  ]);
  const back = `to take it back: mongokeep rollback ${result.restoreId} --confirm`;
  return `${style.good("restored")}: ${style.bold(result.restoreId)}\n${facts}\n${back}`;
}
