// Numbers as the server compares them: across int32, int64, double and Decimal128, by exact value. A JavaScript number
// would make 2^53 and 2^53 + 1 equal, and change a Decimal128.
import * as BSON from "bson";
import { TYPE_DOUBLE, TYPE_INT32, TYPE_INT64 } from "./element.ts";

export const TYPE_DECIMAL = 0x13;

export function isNumeric(type: number): boolean {
  return (
    type === TYPE_INT32 || type === TYPE_INT64 || type === TYPE_DOUBLE || type === TYPE_DECIMAL
  );
}

/** `0.digits × 10^exponent`; digits without zeros at either end, none for 0. */
interface Exact {
  /** -1, 0 or 1; NaN if it is not a number. */
  readonly sign: number;
  readonly digits: string;
  /** Infinity for an infinite value. */
  readonly exponent: number;
}

const ZERO: Exact = { sign: 0, digits: "", exponent: 0 };
const NOT_A_NUMBER: Exact = { sign: NaN, digits: "", exponent: 0 };
const infinite = (sign: number): Exact => ({ sign, digits: "", exponent: Infinity });
/** Digits of a Decimal128, which also suffice to tell any double from another number. */
const DECIMAL_DIGITS = 34;

/** Equal for two numbers exactly if the server considers them equal. */
export function numberKey(b: Buffer, type: number, at: number): string {
  const small = smallOf(b, type, at);
  if (small !== null) return String(small);
  const { sign, digits, exponent } = exactOf(b, type, at);
  // The same small number must have the same key in every type.
  if (sign === 0 || (exponent <= 15 && digits.length <= exponent))
    return String(sign === 0 ? 0 : sign * Number(digits.padEnd(exponent, "0")));
  return `${sign}:${digits}e${exponent}`;
}

/** Negative, 0 or positive. NaN is equal to itself and less than all others, as on the server. */
export function compareNumbers(
  a: Buffer,
  aType: number,
  aAt: number,
  b: Buffer,
  bType: number,
  bAt: number,
): number {
  const left = smallOf(a, aType, aAt);
  const right = smallOf(b, bType, bAt);
  if (left !== null && right !== null) return left - right;
  return compareExact(exactOf(a, aType, aAt), exactOf(b, bType, bAt));
}

/** The value as a JavaScript number if it is certainly exact and whole; otherwise null. */
export function smallOf(b: Buffer, type: number, at: number): number | null {
  if (type === TYPE_INT32) return b.readInt32LE(at);
  if (type === TYPE_DECIMAL) return null;
  const value = type === TYPE_DOUBLE ? b.readDoubleLE(at) : Number(b.readBigInt64LE(at));
  if (!Number.isSafeInteger(value) || Math.abs(value) >= 1e15) return null;
  // Not -0, which is 0.
  return value + 0;
}

function compareExact(a: Exact, b: Exact): number {
  if (Number.isNaN(a.sign) || Number.isNaN(b.sign))
    return Number(Number.isNaN(b.sign)) - Number(Number.isNaN(a.sign));
  if (a.sign !== b.sign) return a.sign - b.sign;
  if (a.exponent !== b.exponent) return a.exponent < b.exponent ? -a.sign : a.sign;
  if (a.digits === b.digits) return 0;
  return a.digits < b.digits ? -a.sign : a.sign;
}

function exactOf(b: Buffer, type: number, at: number): Exact {
  switch (type) {
    case TYPE_INT32:
      return exactOfText(String(b.readInt32LE(at)));
    case TYPE_INT64:
      return exactOfText(String(b.readBigInt64LE(at)));
    case TYPE_DOUBLE: {
      const value = b.readDoubleLE(at);
      return exactOfText(
        Number.isFinite(value) ? value.toExponential(DECIMAL_DIGITS - 1) : String(value),
      );
    }
    default:
      return exactOfText(new BSON.Decimal128(b.subarray(at, at + 16)).toString());
  }
}

function exactOfText(text: string): Exact {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text);
  if (!parts) return text.endsWith("NaN") ? NOT_A_NUMBER : infinite(text.startsWith("-") ? -1 : 1);
  const [, minus, whole = "", fraction = "", power = "0"] = parts;
  const all = whole + fraction;
  const significant = all.replace(/^0+/, "");
  const digits = significant.replace(/0+$/, "");
  if (digits === "") return ZERO;
  const exponent = Number(power) + whole.length - (all.length - significant.length);
  return { sign: minus === "-" ? -1 : 1, digits, exponent };
}
