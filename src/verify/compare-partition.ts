// Two sides' records of one partition → what was added, removed and changed. Pure.
// What must stay true: documents that share an `_id` on one side (capped collections of old, a read without
// an instant) are compared as a multiset: none is counted twice, and none is left out.
import { RECORD_BYTES } from "./compare-records.ts";

export interface Difference {
  /** On the other side only. */
  added: number;
  /** In the backup only. */
  removed: number;
  changed: number;
  /** Keys of records, 32 hex digits: of which kind, for the first ones. */
  readonly samples: {
    readonly added: Set<string>;
    readonly removed: Set<string>;
    readonly changed: Set<string>;
  };
}

export function noDifference(): Difference {
  const samples = { added: new Set<string>(), removed: new Set<string>(), changed: new Set<string>() }; // prettier-ignore
  return { added: 0, removed: 0, changed: 0, samples };
}

/** How a record's key is written in the samples. */
export const keyText = (idA: bigint, idB: bigint) =>
  idA.toString(16).padStart(16, "0") + idB.toString(16).padStart(16, "0");

const ID_BYTES = 16;

/** Adds to `found`; of each kind at most `samples` keys are noted. */
export function comparePartition(
  backup: Buffer,
  other: Buffer,
  found: Difference,
  samples: number,
): void {
  const left = createIndex(backup);
  const note = (kind: "added" | "removed" | "changed", records: Buffer, record: number) => {
    found[kind]++;
    if (found.samples[kind].size < samples) found.samples[kind].add(keyAt(records, record));
  };
  const unmatched: number[] = [];
  for (let record = 0; record < other.length / RECORD_BYTES; record++)
    if (left.take(other, record, RECORD_BYTES) < 0) unmatched.push(record);
  for (const record of unmatched) {
    const changed = left.take(other, record, ID_BYTES) >= 0;
    note(changed ? "changed" : "added", other, record);
  }
  left.forEach((record) => {
    note("removed", backup, record);
  });
}

const keyAt = (records: Buffer, record: number) =>
  keyText(
    records.readBigUInt64LE(record * RECORD_BYTES),
    records.readBigUInt64LE(record * RECORD_BYTES + 8),
  );

/** A hash table of records by `_id`; those that were taken are no longer in it. */
function createIndex(records: Buffer) {
  const count = records.length / RECORD_BYTES;
  const slots = 2 ** Math.max(1, Math.ceil(Math.log2(count + 1)));
  const heads = new Int32Array(slots).fill(-1);
  const next = new Int32Array(count).fill(-1);
  // The lowest byte chose the partition: it is the same in all of them.
  const slotOf = (bytes: Buffer, record: number) =>
    bytes.readUInt32LE(record * RECORD_BYTES + 1) & (slots - 1);
  for (let record = 0; record < count; record++) {
    const slot = slotOf(records, record);
    next[record] = heads[slot] ?? -1;
    heads[slot] = record;
  }
  return {
    /** Takes a record that agrees in its first `bytes`; -1: there is none. */
    take(wanted: Buffer, record: number, bytes: number): number {
      const slot = slotOf(wanted, record);
      const at = record * RECORD_BYTES;
      let before = -1;
      for (let one = heads[slot] ?? -1; one >= 0; before = one, one = next[one] ?? -1) {
        const start = one * RECORD_BYTES;
        if (records.compare(wanted, at, at + bytes, start, start + bytes) !== 0) continue;
        if (before < 0) heads[slot] = next[one] ?? -1;
        else next[before] = next[one] ?? -1;
        return one;
      }
      return -1;
    },
    forEach(visit: (record: number) => void): void {
      for (let slot = 0; slot < slots; slot++)
        for (let one = heads[slot] ?? -1; one >= 0; one = next[one] ?? -1) visit(one);
    },
  };
}
