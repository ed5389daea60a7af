// Values that a server holds and JavaScript has no type for, in a form that the driver's serializer writes
// as what they are: it asks a Map for its entries(), and a Date for its getTime().

/** Fields of which some share a name: each of them is a condition of a query, not only the last one. */
export class RepeatedFields extends Map<string, unknown> {
  #all: (readonly [string, unknown])[] = [];

  constructor(all: readonly (readonly [string, unknown])[]) {
    super();
    for (const [name, value] of all) super.set(name, value);
    this.#all = [...all];
  }

  /** Takes the place of all of that name. */
  override set(name: string, value: unknown): this {
    this.#all = [...this.#all.filter(([other]) => other !== name), [name, value]];
    return super.set(name, value);
  }

  override delete(name: string): boolean {
    this.#all = this.#all.filter(([other]) => other !== name);
    return super.delete(name);
  }

  override entries(): MapIterator<[string, unknown]> {
    return (this.#all as [string, unknown][]).values();
  }

  override [Symbol.iterator](): MapIterator<[string, unknown]> {
    return this.entries();
  }
}

/** Bytes of a value that nothing in JavaScript stands for. The driver must not take it for an object. */
export class RawValue {
  readonly type: number;
  readonly bytes: Uint8Array;

  constructor(type: number, bytes: Uint8Array) {
    this.type = type;
    this.bytes = bytes;
  }

  /** Called by the driver's serializer. */
  toBSON(): never {
    throw new RangeError(`the driver cannot carry this value of the BSON type ${this.type}`);
  }
}

const DATE_LIMIT = 8_640_000_000_000_000n;
const LONG_MAX = 2n ** 63n - 1n;

/** A date beyond the range of Date; null for one within. @throws RangeError for one that cannot be carried */
export function farDate(ms: bigint): Date | null {
  if (ms >= -DATE_LIMIT && ms <= DATE_LIMIT) return null;
  // The serializer takes 2 ** 63 for the largest of all, which is what people write for "never".
  if (ms !== LONG_MAX && BigInt(Number(ms)) !== ms)
    throw new RangeError(`the driver cannot carry the date of ${ms} ms`);
  return new FarDate(Number(ms));
}

class FarDate extends Date {
  readonly #ms: number;

  constructor(ms: number) {
    super(NaN);
    this.#ms = ms;
  }

  override getTime(): number {
    return this.#ms;
  }
}
