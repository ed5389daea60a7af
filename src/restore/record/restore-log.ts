// What the restoration log says: readable by a person, complete, with the documents' `_id`s and nothing else of them.
import { KeepError } from "../../errors.ts";
import type { ErrorDetails } from "../../errors.ts";
import type { Emit } from "../../events.ts";
import { formatBytes, formatCount } from "../../util/units.ts";
import { bestEffort } from "./record-file.ts";
import type { RestoreRecord } from "./record.ts";
import type { PlannedCollection, RestorePlan } from "../plan/plan.ts";

/** What belongs to a failure beside its message: causes that say more, refused documents, what to do. */
export function explain(error: unknown): string[] {
  const refused = error instanceof KeepError ? refusedLines(error.details) : [];
  return [...causesOf(error), ...refused];
}

/** Of its causes, those that say more than it does. */
export function causesOf(error: unknown): string[] {
  const lines: string[] = [];
  let said = error instanceof Error ? error.message : String(error);
  for (let at = error instanceof Error ? error.cause : null; at instanceof Error; at = at.cause) {
    if (!said.includes(at.message)) lines.push(`caused by: ${at.message}`);
    said += at.message;
  }
  return lines;
}

function refusedLines({ documentIds, serverErrors, documents }: ErrorDetails): string[] {
  if (!isTexts(documentIds)) return [];
  const errors = isTexts(serverErrors) ? serverErrors : [];
  const lines = documentIds.map((id, i) => {
    const because = errors[i];
    return because === undefined ? `_id ${id}` : `_id ${id}: ${because}`;
  });
  const more = typeof documents === "number" ? documents - documentIds.length : 0;
  return more > 0 ? [...lines, `and ${more} more documents`] : lines;
}

const isTexts = (value: unknown): value is readonly string[] => Array.isArray(value);

/** Tells the world, and the log what of it is worth a line: so that a warning is in both. */
export function alsoLogged(record: RestoreRecord, emit: Emit): Emit {
  const lenient = bestEffort(record, emit);
  return (event) => {
    emit(event);
    if (event.kind !== "log" || event.level === "debug") return;
    const level = event.level === "info" ? "" : `${event.level.toUpperCase()}: `;
    void lenient.log(`${level}${event.message}`);
  };
}

/** The plan as lines: what there is, and what there will be. */
export function planLines(plan: RestorePlan): string[] {
  return [
    `mode: ${plan.mode}`,
    ...plan.collections.map(planLine),
    ...plan.remove.map((namespace) => `remove ${JSON.stringify(namespace)}`),
    ...plan.keptLive.map((namespace) => `keep ${JSON.stringify(namespace)}`),
    ...plan.usersOf.map((database) => `users and roles of ${JSON.stringify(database)}`),
  ];
}

function planLine(one: PlannedCollection): string {
  const { database, name } = one.source;
  const source = `${database}.${name}`;
  const from = source === one.namespace ? "" : ` from ${JSON.stringify(source)}`;
  const way = one.way === "in-place" ? ", in place" : "";
  const what = `${one.action} ${JSON.stringify(one.namespace)}${from}${way}`;
  if (one.type === "view") return `${what}: a view`;
  const before = one.live ? `${sizeOf(one.live.documents, one.live.bytes)} → ` : "";
  return `${what}: ${before}${sizeOf(one.documents, one.rawBytes)}`;
}

function sizeOf(documents: number | null, bytes: number | null): string {
  if (documents === null) return "not known";
  const size = bytes === null ? "" : ` (${formatBytes(bytes)})`;
  return `${formatCount(documents)} documents${size}`;
}
