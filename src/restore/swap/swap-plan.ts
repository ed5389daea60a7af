// The swap as data: for each name what stands there, what takes its place, and under which names both can be
// found. Collections keep their UUID through renames, so that from this and one look at the server the next
// move is known after a crash at any moment, forward and back alike. Pure.

/** What a name holds before or after the swap. Views are kept as their options: raw BSON in base64. */
export type Side =
  | { readonly kind: "none" }
  | {
      readonly kind: "collection";
      readonly uuid: string;
      /** Its name while it is not under the live one: retained, or staged. */
      readonly parked: string;
      /** Options and indexes before the swap, raw BSON in base64; absent where nobody read them. */
      readonly defined?: { readonly options: string; readonly indexes: readonly string[] };
    }
  | { readonly kind: "view"; readonly options: string };

export interface SwapItem {
  readonly database: string;
  readonly name: string;
  readonly old: Side;
  readonly new: Side;
}

/** What stands in a database now: a collection's UUID, or a view's options. No server renames a time series. */
export type Standing =
  | { readonly kind: "collection"; readonly uuid: string }
  | { readonly kind: "view"; readonly options: string }
  | { readonly kind: "timeseries" };
export type Standings = ReadonlyMap<string, Standing>;

export type Move =
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  /** Something that nobody knows took the name: it is retained, never dropped. */
  | { readonly kind: "intruder"; readonly from: string }
  | { readonly kind: "drop-view"; readonly name: string }
  | { readonly kind: "create-view"; readonly name: string; readonly options: string }
  /** A time series that nobody knows took the name: it can be neither renamed nor dropped. */
  | { readonly kind: "blocked"; readonly name: string }
  /** What should come is nowhere. */
  | { readonly kind: "lost"; readonly name: string; readonly uuid: string };

/** The item seen from the other end: what takes a restore back. */
export function reversed(item: SwapItem): SwapItem {
  return { ...item, old: item.new, new: item.old };
}

/** Frees the name of what is not to stand there; nothing where that has happened. */
export function planClear(item: SwapItem, standings: Standings): Move[] {
  const { name, old } = item;
  const there = standings.get(name);
  if (!there || isSide(there, item.new)) return [];
  if (there.kind === "timeseries") return [{ kind: "blocked", name }];
  if (there.kind === "view") return [{ kind: "drop-view", name }];
  if (old.kind === "collection" && there.uuid === old.uuid)
    return [{ kind: "rename", from: name, to: old.parked }];
  return [{ kind: "intruder", from: name }];
}

/** Puts what is to stand there under its name, which is free; nothing where it stands there already. */
export function planPut(item: SwapItem, standings: Standings): Move[] {
  const { name, new: wanted } = item;
  if (wanted.kind === "none") return [];
  const there = standings.get(name);
  if (there && isSide(there, wanted)) return [];
  if (wanted.kind === "view") return [{ kind: "create-view", name, options: wanted.options }];
  const parked = standings.get(wanted.parked);
  if (parked?.kind !== "collection" || parked.uuid !== wanted.uuid)
    return [{ kind: "lost", name, uuid: wanted.uuid }];
  return [{ kind: "rename", from: wanted.parked, to: name }];
}

/** Whether the swap of this item is complete. */
export function isDone(item: SwapItem, standings: Standings): boolean {
  return planClear(item, standings).length + planPut(item, standings).length === 0;
}

function isSide(there: Standing, side: Side): boolean {
  if (side.kind === "none") return false;
  if (side.kind === "view") return there.kind === "view" && there.options === side.options;
  return there.kind === "collection" && there.uuid === side.uuid;
}
