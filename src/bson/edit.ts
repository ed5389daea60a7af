// Changes single fields of a small raw document and leaves all other bytes unchanged. Pure.
import { documentOf } from "./build.ts";
import { fieldsOf } from "./fields.ts";
import type { Field } from "./fields.ts";

/** One element unchanged, with its type and name. */
export const elementOf = (b: Buffer, field: Field): Buffer => b.subarray(field.start, field.end);

export function withoutFields(b: Buffer, names: readonly string[]): Buffer {
  const kept = [...fieldsOf(b)].filter(({ name }) => !names.includes(name));
  return documentOf(kept.map((field) => elementOf(b, field)));
}

/** The document with `element` replacing the field of that name, or appended. */
export function withField(b: Buffer, name: string, element: Buffer): Buffer {
  const fields = [...fieldsOf(b)];
  const parts = fields.map((field) => (field.name === name ? element : elementOf(b, field)));
  return documentOf([...parts, ...(fields.some((f) => f.name === name) ? [] : [element])]);
}
