// The plan of a restore or rollback, for a person to decide by.
import type { LostWrites } from "../../jobs/restore/plan/lost-writes.ts";
import type { ManifestSummary, PlannedRestore } from "../../jobs/results.ts";
import type { Estimate } from "../../jobs/restore/plan/estimate.ts";
import type { PlannedCollection } from "../../restore/plan/plan.ts";
import { formatBytes, formatCount } from "../../util/units.ts";
import { escapeText } from "../escape.ts";
import type { View } from "../style.ts";
import { formatFacts, formatTable, wrap } from "../table.ts";
import type { Align, Fit } from "../table.ts";
import { formatMoment, formatSeconds } from "../times.ts";
import { formatNames, formatNumber, formatTarget, formatWhen } from "./parts.ts";

type Plan = PlannedRestore["plan"];

const HEAD = ["", "collection", "now", "size now", "newest now", "then", "size then", "newest then", "how"]; // prettier-ignore
const ALIGN: readonly Align[] = ["left", "left", "right", "right", "left", "right", "right"];
const FIT: Omit<Fit, "columns"> = {
  drop: ["newest now", "newest then", "size now", "size then"],
  cut: "collection",
};
const WAYS = { swap: "", view: "", "in-place": "in place", all: "" } as const;

/** Without the last line, which says how to carry it out: for a plan that is followed by a question. */
export function formatPlan(planned: PlannedRestore, view: View): string {
  const { plan, manifest } = planned;
  const { columns = null } = view;
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
  const parts = [
    view.style.bold(wrap(titleOf(planned), columns, 0)),
    formatFacts([...aboutBackup(manifest, plan, view), newestFact(plan, view)], columns),
    rows.length === 0 ? "" : formatTable(HEAD, rows, ALIGN, { columns, ...FIT }),
    formatFacts(factsOf(planned, view), columns),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

function titleOf({ rollbackOf, backup, target }: PlannedRestore): string {
  const into = formatTarget(target);
  if (rollbackOf !== null) return `plan to undo the restore ${rollbackOf} ${into}`;
  return `plan to restore ${backup === null ? "nothing" : escapeText(backup)} ${into}`;
}

type Fact = readonly [string, string | null];

function factsOf({ plan }: PlannedRestore, view: View): Fact[] {
  const { documents, rawBytes } = plan.totals;
  const { estimate, swapsBack } = plan;
  return [
    ["loads", swapsBack ? "nothing: the replaced data is still on the server" : `${formatNumber(documents, "document")}, ${formatBytes(rawBytes)}`], // prettier-ignore
    ["how", swapsBack ? "swapped back by renames" : HOW[plan.mode]],
    ["indexes", indexesOf(plan)],
    ["replays", oplogOf(plan)],
    ["removes", formatNames(plan.remove)],
    ["keeps", formatNames(plan.keptLive)],
    ["users", formatNames(plan.usersOf)],
    ["expires", expiresOf(plan)],
    ["loses", losesOf(plan, view)],
    ["stops", plan.stopsService === null ? null : escapeText(plan.stopsService)],
    ["down for", estimate.serviceDownSeconds === null ? null : `about ${formatSeconds(estimate.serviceDownSeconds)}`], // prettier-ignore
    ["takes", durationOf(estimate)],
    ["disk", diskOf(estimate)],
    ["protects", swapsBack ? "what is there now is retained beside it" : protection(plan)],
  ];
}

function durationOf({ seconds, basis, lastDrillSeconds }: Estimate): string {
  const measured = basis === "measured" ? "as last measured here" : "not measured here yet";
  const drill = lastDrillSeconds === null ? "" : `; the last drill took ${formatSeconds(lastDrillSeconds)}`; // prettier-ignore
  return `about ${formatSeconds(seconds)} (${measured}${drill})`;
}

const HOW = {
  staged:
    "loaded beside the live data, verified there, then swapped by renames; the replaced data is retained",
  "in-place": "in place: drops what is replaced, then loads",
} as const;

const countOf = (documents: number | null, there: boolean) =>
  documents === null ? (there ? "?" : "-") : formatCount(documents);
const sizeOf = (bytes: number | null) => (bytes === null ? "" : formatBytes(bytes));

/** Of `_id`s that are no ObjectIds, and in backups of earlier versions, nobody knows. */
const FIRST_MONGODB_MS = Date.UTC(2009, 0);
const CLOCKS_APART_MS = 24 * 3_600_000;

/** An `_id` that somebody made up names a moment that never was: it says nothing of when its document was made. */
function isOfAge(newestId: string, { nowMs }: View): boolean {
  const ms = Date.parse(newestId);
  return ms >= FIRST_MONGODB_MS && ms <= nowMs + CLOCKS_APART_MS;
}

function newestOf(of: PlannedCollection | PlannedCollection["live"], view: View): string {
  if (!of || of.type === "view" || of.documents === 0) return "-";
  return of.newestId === null || !isOfAge(of.newestId, view) ? "?" : formatWhen(of.newestId, view);
}

/** Also where the table has no room for it. */
function newestFact({ collections }: Plan, view: View): Fact {
  const latest = (ids: readonly (string | null | undefined)[]) =>
    ids.filter((id) => typeof id === "string").filter((id) => isOfAge(id, view)).sort().at(-1); // prettier-ignore
  const parts = [
    ["now", latest(collections.map(({ live }) => live?.newestId))],
    ["then", latest(collections.map(({ newestId }) => newestId))],
  ] as const;
  const shown = parts.flatMap(([name, id]) => id === undefined ? [] : [`${name} ${formatWhen(id, view)}`]); // prettier-ignore
  return ["newest", shown.length === 0 ? null : shown.join("; ")];
}

/** Only where the number changes: the rest says nothing to a person who has to decide. */
function indexesOf({ collections }: Plan): string | null {
  const changes = collections.flatMap(({ namespace, indexes, live }) =>
    live && indexes !== null && live.type !== "view" && live.indexes !== indexes
      ? [`${namespace} ${live.indexes} now, ${indexes} then`]
      : [],
  );
  return formatNames(changes);
}

function oplogOf({ oplog, collections }: Plan): string | null {
  if (!oplog) return null;
  const made = collections.filter((c) => c.fromOplog).map((c) => c.namespace);
  const makes = made.length > 0 ? `, which makes ${formatNames(made) ?? ""}` : "";
  const removes = oplog.removes.length > 0 ? ` and removes ${formatNames(oplog.removes) ?? ""}` : ""; // prettier-ignore
  return `the oplog that was written during the dump${makes}${removes}`;
}

function expiresOf({ expiring }: Plan): string | null {
  const known = expiring.filter(({ documents }) => documents !== null);
  const unknown = expiring.filter(({ documents }) => documents === null);
  const sum = known.reduce((total, { documents }) => total + (documents ?? 0), 0);
  const names = (some: Plan["expiring"]) => formatNames(some.map(({ namespace }) => namespace)) ?? ""; // prettier-ignore
  const parts = [
    ...(known.length > 0 ? [`${formatNumber(sum, "document")} of ${names(known)} older than the expiry (TTL) allows`] : []), // prettier-ignore
    ...(unknown.length > 0 ? [`an uncounted number of ${names(unknown)}`] : []),
  ];
  if (parts.length === 0) return null;
  return `${parts.join(", ")}: the server deletes them right after the restore; --no-ttl keeps them`;
}

function losesOf({ lostSince, swapsBack }: Plan, { zone }: View): string | null {
  if (!lostSince) return null;
  const at = formatMoment(Date.parse(lostSince.restoredAt), zone);
  const { collections } = lostSince;
  if (collections.length === 0) return `nothing: nothing was written since the restore (${at})`;
  const written = formatNames(collections.filter((one) => one.written).map(lostText));
  const unknown = formatNames(
    collections.filter((one) => one.written === null).map((one) => one.namespace),
  );
  const parts = [
    ...(written === null ? [] : [`what was written since the restore (${at}) to ${written}`]),
    ...(unknown === null ? [] : [`whatever was written since the restore (${at}) to ${unknown}, which cannot be told`]), // prettier-ignore
  ];
  return `${parts.join("; ")}; ${swapsBack ? "it stays in the retained collections" : "the safety backup holds it"}`;
}

function lostText({ namespace, moreDocuments }: LostWrites): string {
  if (moreDocuments === null || moreDocuments === 0) return namespace;
  const count = formatNumber(Math.abs(moreDocuments), "document");
  return `${namespace} (${count} ${moreDocuments > 0 ? "more" : "fewer"})`;
}

function diskOf({ neededBytes, freeBytes, missingBytes }: Estimate): string | null {
  if (neededBytes === 0) return null;
  const need = `${formatBytes(neededBytes)} on the server's disk`;
  if (freeBytes === null) return need;
  if (missingBytes === 0) return `${need}, ${formatBytes(freeBytes)} free`;
  return `${need}, and ${formatBytes(missingBytes)} are MISSING: make room, or use --in-place`;
}

function aboutBackup(manifest: ManifestSummary | null, plan: Plan, view: View): Fact[] {
  if (manifest === null) return [];
  const { server, note, type } = manifest;
  return [
    ["made", formatWhen(manifest.createdAt, view)],
    ["type", type],
    ["note", note === null ? null : escapeText(note)],
    ["from", `MongoDB ${escapeText(server.version)} (${server.topology})`],
    ["moment", momentOf(manifest, plan)],
  ];
}

function momentOf({ consistency }: ManifestSummary, { outsideInstant }: Plan): string {
  if (consistency.mode === "none") return "not one instant";
  const outside = formatNames(outsideInstant);
  return outside === null ? "one instant" : `one instant, except ${outside} (read during the dump)`;
}

function protection({ targetWasEmpty, makesPreRestoreBackup }: Plan): string {
  if (targetWasEmpty) return "nothing is there now that could be lost";
  return makesPreRestoreBackup
    ? "what is there now is backed up first"
    : "NOT: what is there now is lost (--skip-pre-backup)";
}
