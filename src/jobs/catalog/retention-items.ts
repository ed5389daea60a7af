// The backups of a folder as retention sees them: its groups, its states, and what must stay whatever its age.
import type { CatalogEntry } from "../../archive/catalog.ts";
import { momentOf } from "../../archive/layout.ts";
import type { Scope } from "../../archive/manifest.ts";
import type { RetentionItem, RetentionState } from "../../retention/item.ts";
import { mayBeOpen, openRestores, protectedBy } from "../../restore/record/record-state.ts";
import type { UnreadableRecord } from "../../restore/record/read-record.ts";
import { safetyNote } from "../../restore/record/record-file.ts";
import type { StoredRecord } from "../../restore/record/record.ts";
import type { JobContext } from "../context.ts";
import { readRestores } from "../restore/records.ts";

/** Id of a backup → why it must stay. */
export type Pins = ReadonlyMap<string, string>;

/** null for a run that has not ended, or died: it is no backup. */
export function toRetentionItem(
  entry: CatalogEntry,
  pins: Pins,
  zone: string,
): RetentionItem | null {
  const { id, manifest } = entry;
  const state = stateOf(entry);
  if (state === null) return null;
  return {
    id,
    createdAtMs: manifest ? Date.parse(manifest.createdAt) : momentOf(id, zone),
    type: manifest?.type ?? "automatic",
    state,
    group: manifest ? groupOf(manifest.scope) : null,
    documents: manifest?.totals.documents ?? 0,
    pinned: pins.get(id) ?? null,
    parent: manifest?.parent ?? null,
  };
}

/** All of one text belong together. Hosts do not count: the same server may be reached by another name. */
export function groupOf({ server, databases, exclude }: Scope): string {
  return JSON.stringify([server, databases && [...databases].sort(), [...exclude].sort()]);
}

function stateOf({ state, manifest }: CatalogEntry): RetentionState | null {
  if (state === "partial") return null;
  return state === "damaged" && manifest === null ? "damaged-folder" : state;
}

/** What restores need that are not over: what they load, and what they can go back to. */
export async function readPins(
  context: Pick<JobContext, "settings" | "emit">,
  entries: readonly CatalogEntry[],
): Promise<Pins> {
  const { records, unreadable } = await readRestores(context);
  const unclear = unreadable.flatMap((one) => pinsOfUnreadable(one, entries));
  return new Map([...unclear, ...pinsOf(records)]);
}

/** Why a backup must stay, and what a person can do about it; null: no restore needs it. */
export async function explainPin(
  context: Pick<JobContext, "settings" | "emit">,
  id: string,
  entries: readonly CatalogEntry[],
): Promise<{ readonly reason: string; readonly hint: string } | null> {
  const { records, unreadable } = await readRestores(context);
  const known = pinsOf(records).get(id);
  if (known !== undefined)
    return {
      reason: known,
      hint: "End that restore first: mongokeep rollback, or mongokeep restore --resume.",
    };
  for (const one of unreadable) {
    const reason = new Map(pinsOfUnreadable(one, entries)).get(id);
    if (reason === undefined) continue;
    const hint = `Repair ${one.file}, or use the version of mongokeep that made the restore ${one.id}. If nobody needs that restore any more, move its folder ${one.path} to another place; then the backup can be deleted.`;
    return { reason, hint };
  }
  return null;
}

/**
 * Pure. What a restore may need whose record cannot be read: its safety backups, and what it names. Where nobody can
 * tell what it names that is each backup up to the second in which it began.
 */
export function pinsOfUnreadable(
  one: UnreadableRecord,
  entries: readonly CatalogEntry[],
): [string, string][] {
  if (!mayBeOpen(one)) return [];
  const reason = `the record of the restore ${one.id} cannot be read, and may need it: ${one.file} ${one.problem}`;
  const { id, backups } = one;
  const isMeant = (entry: CatalogEntry) =>
    backups === null ? entry.id <= id : backups.includes(entry.id);
  return entries
    .filter((entry) => isMeant(entry) || entry.manifest?.note === safetyNote(id))
    .map((entry) => [entry.id, reason]);
}

/** Pure. A restore that a later rollback undid is over. */
export function pinsOf(records: readonly StoredRecord[]): Pins {
  const pins = new Map<string, string>();
  const byId = new Map(records.map((one) => [one.id, one]));
  for (const { id, recorded, entries } of openRestores(records)) {
    const reason = `the restore ${id} is not over and needs it`;
    // A rollback loads from both backups of what it undoes.
    const undone = byId.get(recorded.rollbackOf ?? "")?.entries ?? [];
    const own = [protectedBy(entries), protectedBy(entries, "in-place")];
    const loaded = [recorded.plan.backup, protectedBy(undone), protectedBy(undone, "in-place")];
    for (const backup of [...own, ...loaded]) if (backup !== null) pins.set(backup, reason);
  }
  return pins;
}
