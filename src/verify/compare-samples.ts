// The `_id`s of a few documents that differ, as canonical Extended JSON. Records hold only hashes: the sides
// are read again, up to the last document that is wanted. Nothing else of a document is ever named.
import type { Lanes } from "../bson/content-hash.ts";
import { idText } from "../bson/id-text.ts";
import { identityOf } from "../bson/identity.ts";
import { keyText } from "./compare-partition.ts";
import type { Difference } from "./compare-partition.ts";
import type { Pair, SideCollection } from "./compare-sides.ts";

/** Canonical Extended JSON of `_id`s. */
export interface Samples {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

interface Limits {
  readonly signal: AbortSignal;
  readonly samples: number;
}

/** `keys`: of the records that differ, as the comparison noted them. */
export async function sampleIds(
  { backup, other }: Pair,
  keys: Difference["samples"],
  lanes: Lanes,
  limits: Limits,
): Promise<Samples> {
  const none: Samples = { added: [], removed: [], changed: [] };
  if (limits.samples === 0) return none;
  if (!backup || !other) {
    const first = await firstIds(backup ?? other, limits);
    return { ...none, [backup ? "removed" : "added"]: first };
  }
  const before = await idsOf(backup, [keys.removed, keys.changed], lanes, limits.signal);
  const after = await idsOf(other, [keys.added], lanes, limits.signal);
  return { removed: before[0] ?? [], changed: before[1] ?? [], added: after[0] ?? [] };
}

async function firstIds(side: SideCollection | null, { signal, samples }: Limits) {
  const found: string[] = [];
  await eachId(side, signal, (b, start) => {
    const id = idText(b, start);
    if (id !== null) found.push(id);
    return found.length < samples;
  });
  return found;
}

/** The `_id`s behind the keys of each set, sorted as text so that two runs say the same. */
async function idsOf(
  side: SideCollection,
  sets: readonly ReadonlySet<string>[],
  lanes: Lanes,
  signal: AbortSignal,
): Promise<string[][]> {
  try {
    return await idsOnce(side, sets, lanes, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (side.retry?.(error) !== true) throw error;
    return await idsOf(side, sets, lanes, signal);
  }
}

async function idsOnce(
  side: SideCollection,
  sets: readonly ReadonlySet<string>[],
  lanes: Lanes,
  signal: AbortSignal,
): Promise<string[][]> {
  const wanted = new Map(sets.flatMap((set, n) => [...set].map((key) => [key, n] as const)));
  const found = sets.map((): string[] => []);
  if (wanted.size === 0) return found;
  await eachId(side, signal, (b, start) => {
    const id = identityOf(b, start);
    if (!id) return true;
    const key = keyText(lanes.a(id), lanes.b(id));
    const n = wanted.get(key);
    if (n === undefined) return true;
    found[n]?.push(idText(b, start) ?? "");
    wanted.delete(key);
    return wanted.size > 0;
  });
  return found.map((ids) => ids.sort());
}

/** Visits documents until `visit` says that it has seen enough. */
async function eachId(
  side: SideCollection | null,
  signal: AbortSignal,
  visit: (b: Buffer, start: number) => boolean,
): Promise<void> {
  for await (const batch of side?.read(signal) ?? []) {
    const { bytes } = batch;
    for (let at = 0; at < bytes.length; at += bytes.readInt32LE(at)) if (!visit(bytes, at)) return;
    batch.release();
  }
}
