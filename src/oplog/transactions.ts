// Transactions of a log: their parts wait for the commit, because an aborted one must leave nothing. Memory is limited:
// beyond the limit, the parts of all open transactions go to a file.
import { KeepError } from "../errors.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import { formatTime } from "./cluster-time.ts";
import type { TransactionPart } from "./operation.ts";
import type { SpillFile, Stretch } from "./spill-file.ts";

/** The operations of one part, back to back. */
type Part = { readonly held: Buffer } | { readonly spilled: Stretch };

interface Open {
  readonly parts: Part[];
  last: ClusterTime;
  operations: number;
}

/** In all open transactions together. */
const MOST_HELD_BYTES = 64 * 1024 * 1024;

export class Transactions {
  readonly #open = new Map<string, Open>();
  readonly #spill: SpillFile;
  readonly #mostHeldBytes: number;
  #heldBytes = 0;

  constructor(spill: SpillFile, mostHeldBytes: number = MOST_HELD_BYTES) {
    this.#spill = spill;
    this.#mostHeldBytes = mostHeldBytes;
  }

  /** Transactions that are neither committed nor aborted. */
  get open(): number {
    return this.#open.size;
  }

  /** @throws KeepError damaged if an earlier part, or an operation, is missing */
  async add(part: TransactionPart, at: ClusterTime, operations: readonly Buffer[]): Promise<void> {
    const transaction = part.previous === null ? this.#begin(part.key, at) : this.#known(part, at);
    transaction.last = at;
    transaction.operations += operations.length;
    if (part.count !== null && part.count !== transaction.operations)
      throw incomplete(at, `has ${transaction.operations} of ${part.count} operations`);
    if (operations.length > 0) transaction.parts.push(await this.#keep(Buffer.concat(operations)));
  }

  /** Returns the operations of a transaction in order and forgets it. */
  async *commit(key: string, at: ClusterTime): AsyncGenerator<Buffer, void, void> {
    const transaction = this.#open.get(key);
    if (!transaction) throw incomplete(at, "is committed, but its operations are missing");
    for (const part of transaction.parts) {
      const bytes = "held" in part ? part.held : await this.#spill.read(part.spilled);
      for (let start = 0; start < bytes.length; start += bytes.readInt32LE(start))
        yield bytes.subarray(start, start + bytes.readInt32LE(start));
    }
    await this.#forget(key, transaction);
  }

  /** A transaction that began before the log is unknown, and does not matter. */
  async abort(key: string): Promise<void> {
    const transaction = this.#open.get(key);
    if (transaction) await this.#forget(key, transaction);
  }

  #begin(key: string, at: ClusterTime): Open {
    if (this.#open.has(key)) throw incomplete(at, "begins a second time");
    const transaction = { parts: [], last: at, operations: 0 };
    this.#open.set(key, transaction);
    return transaction;
  }

  #known({ key, previous }: TransactionPart, at: ClusterTime): Open {
    const transaction = this.#open.get(key);
    if (transaction?.last.t === previous?.t && transaction?.last.i === previous?.i && transaction)
      return transaction;
    throw incomplete(at, "lacks an earlier part");
  }

  async #keep(bytes: Buffer): Promise<Part> {
    if (this.#heldBytes + bytes.length > this.#mostHeldBytes)
      return { spilled: await this.#spill.append(bytes) };
    this.#heldBytes += bytes.length;
    return { held: bytes };
  }

  async #forget(key: string, { parts }: Open): Promise<void> {
    this.#open.delete(key);
    for (const part of parts) if ("held" in part) this.#heldBytes -= part.held.length;
    if (this.#open.size === 0) await this.#spill.clear();
  }
}

function incomplete(at: ClusterTime, problem: string): KeepError {
  return new KeepError("damaged", `a transaction in the oplog at ${formatTime(at)} ${problem}`);
}
