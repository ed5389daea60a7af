// Transactions of several entries during the tail: each one complete, or not in the file. Pure.
import { findElement, TYPE_DOUBLE, TYPE_INT32, TYPE_INT64 } from "../bson/element.ts";
import { KeepError } from "../errors.ts";
import { documentAt } from "./glance.ts";
import type { TransactionPart } from "./operation.ts";

export interface Selected {
  readonly entry: Buffer;
  /** Operations that remain, and operations that were removed. */
  readonly kept: number;
  readonly removed: number;
}

export const dropEmpty = ({ entry, kept }: Selected) => (kept > 0 ? entry : null);

/** Transactions of several entries. None of these may be missing, and the last one counts operations. */
export class OpenTransactions {
  /** Operations removed from each one so far. */
  readonly #removed = new Map<string, number>();

  add(part: TransactionPart, entry: Buffer, selected: Selected, early: boolean): Buffer | null {
    const { key, previous, partial, prepare, count } = part;
    const whole = previous === null && !partial && !prepare;
    if (whole) return early ? null : dropEmpty(selected);
    if (previous !== null && !this.#removed.has(key)) return unknown(early);
    const removed = (this.#removed.get(key) ?? 0) + selected.removed;
    if (partial || prepare) this.#removed.set(key, removed);
    else this.#removed.delete(key);
    // Committed by this entry.
    if (early && !partial && !prepare) return null;
    if (count === null || removed === 0) return selected.entry;
    return withCount(
      selected.entry === entry ? Buffer.from(entry) : selected.entry,
      count - removed,
    );
  }

  /** Whether it is one of those; `mayBeUnknown` if nothing is lost if it is not. */
  end(key: string, mayBeUnknown: boolean): boolean {
    const known = this.#removed.delete(key);
    if (!known) unknown(mayBeUnknown);
    return known;
  }
}

/** A transaction that began before the tail ended before the instant. */
function unknown(early: boolean): null {
  if (early) return null;
  throw new KeepError("server-error", "the beginning of a transaction is missing in the oplog", {
    hint: "Run it again: it was open when the dump began.",
  });
}

/** Overwrites the operation count of a transaction. */
function withCount(entry: Buffer, count: number): Buffer {
  const at = documentAt(entry, 0, "o");
  const found = findElement(entry, at, "count");
  if (found?.type === TYPE_INT64) entry.writeBigInt64LE(BigInt(count), found.at);
  else if (found?.type === TYPE_INT32) entry.writeInt32LE(count, found.at);
  else if (found?.type === TYPE_DOUBLE) entry.writeDoubleLE(count, found.at);
  return entry;
}
