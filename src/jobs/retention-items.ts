// The backups of a folder as retention sees them: its groups, its states, and what must stay whatever its age.
import type { CatalogEntry } from "../archive/catalog.ts";
import { momentOf } from "../archive/layout.ts";
import type { Scope } from "../archive/manifest.ts";
import type { RetentionItem, RetentionState } from "../retention/item.ts";
import { isApplied, listRecords, protectedBy } from "../restore/record.ts";
import type { StoredRecord } from "../restore/record.ts";

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
export async function readPins(root: string): Promise<Pins> {
  return pinsOf(await listRecords(root));
}

/** Pure. A restore that a later rollback took back is over. */
export function pinsOf(records: readonly StoredRecord[]): Pins {
  const takenBack = new Set(
    records.filter(({ state }) => isApplied(state)).map((r) => r.recorded.rollbackOf),
  );
  const pins = new Map<string, string>();
  for (const record of records) {
    if (!isOpen(record) || takenBack.has(record.id)) continue;
    const reason = `the restore ${record.id} is not over and needs it`;
    const { recorded, entries } = record;
    const inPlace = protectedBy(entries, "in-place");
    for (const id of [recorded.plan.backup, protectedBy(entries), inPlace])
      if (id !== null) pins.set(id, reason);
  }
  return pins;
}

function isOpen({ state, entries }: StoredRecord): boolean {
  if (state === "broken" || state === "unfinished") return true;
  return state === "untouched" && !entries.some(({ step }) => step === "end");
}
