// Changes single fields of a small raw document and leaves all other bytes as they are. Pure.
import { documentOf } from "./build.ts";
import { fieldsOf } from "./fields.ts";
import type { Field } from "./fields.ts";

/** One element as it is, with its type and name. */
export const elementOf = (b: Buffer, field: Field): Buffer => b.subarray(field.start, field.end);

export function withoutFields(b: Buffer, names: readonly string[]): Buffer {
  const kept = [...fieldsOf(b)].filter(({ name }) => !names.includes(name));
  return documentOf(kept.map((field) => elementOf(b, field)));
}

/** The document with `element` in the place of the field of that name, or behind all others. */
export function withField(b: Buffer, name: string, element: Buffer): Buffer {
  const fields = [...fieldsOf(b)];
  const parts = fields.map((field) => (field.name === name ? element : elementOf(b, field)));
  return documentOf([...parts, ...(fields.some((f) => f.name === name) ? [] : [element])]);
}
