// Values that a server can store but JavaScript has no type for, in a form that the driver's serializer writes
// correctly: it calls entries() of a Map and getTime() of a Date.

/** Fields that may share a name: each one is a condition of a query, not only the last one. */
export class RepeatedFields extends Map<string, unknown> {
  #all: (readonly [string, unknown])[] = [];

  constructor(all: readonly (readonly [string, unknown])[]) {
    super();
    for (const [name, value] of all) super.set(name, value);
    this.#all = [...all];
  }

  /** Replaces all fields of that name. */
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

/** Bytes of a value without a JavaScript type. The driver must not treat it as an object. */
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

/** A date beyond the range of Date; null for one within it. @throws RangeError for a date that cannot be represented */
export function farDate(ms: bigint): Date | null {
  if (ms >= -DATE_LIMIT && ms <= DATE_LIMIT) return null;
  // The serializer clamps 2 ** 63 to the largest value, which people write for "never".
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
