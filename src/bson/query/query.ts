// A subset of the server's query language, evaluated on raw documents without a server. What must stay true: a query
// that is not fully understood is refused, never answered with fewer documents.
import { KeepError } from "../../errors.ts";
import { TYPE_ARRAY, TYPE_DOCUMENT } from "../element.ts";
import { ejsonToRaw } from "../ejson.ts";
import { every } from "./condition.ts";
import { equalTo, FIELD_OPERATORS, refuse } from "./operators.ts";
import type { Condition } from "./condition.ts";
import { parsePath } from "./path.ts";
import { elementsOf, TYPE_REGEX } from "./value.ts";
import type { Value } from "./value.ts";

/** Whether the document at `start`, which must be valid, matches. */
export type Query = (b: Buffer, start: number) => boolean;

/** `text`: Extended JSON, relaxed or canonical. @throws KeepError usage */
export function parseQuery(text: string): Query {
  let raw: Uint8Array;
  try {
    raw = ejsonToRaw(text);
  } catch (error) {
    // The text may contain a patient's name, so the message does not repeat it.
    throw new KeepError("usage", "--query is not an Extended JSON object", {
      hint: `Write it like '{"mrn": "123"}' or '{"_id": {"$oid": "…"}}', with double quotes inside.`,
      cause: error instanceof SyntaxError ? undefined : error,
    });
  }
  return parseDocument({ b: Buffer.from(raw), type: TYPE_DOCUMENT, at: 0 });
}

/** True if all of its fields match. */
export function parseDocument(document: Value): Query {
  const all = [...elementsOf(document.b, document.at)].map(parseField);
  return (b, start) => all.every((holds) => holds(b, start));
}

function parseField(field: Value & { readonly name: string }): Query {
  if (field.name === "$comment") return () => true;
  if (field.name.startsWith("$")) return parseLogical(field);
  const path = parsePath(field.name);
  const condition = conditionOf(field);
  return (b, start) => condition.onPath(b, start, path);
}

function parseLogical(field: Value & { readonly name: string }): Query {
  const { name } = field;
  if (name !== "$and" && name !== "$or" && name !== "$nor")
    throw refuse(`the operator ${name} is not supported here`);
  const items = field.type === TYPE_ARRAY ? [...elementsOf(field.b, field.at)] : [];
  if (items.length === 0 || items.some(({ type }) => type !== TYPE_DOCUMENT))
    throw refuse(`${name} needs an array of conditions`);
  const queries = items.map(parseDocument);
  if (name === "$and") return (b, start) => queries.every((holds) => holds(b, start));
  const wanted = name === "$or";
  return (b, start) => queries.some((holds) => holds(b, start)) === wanted;
}

/** What follows a field's name: operators, or a value to be equal to. */
export function conditionOf(value: Value): Condition {
  if (value.type === TYPE_REGEX || !isOperators(value)) return equalTo(value);
  return operatorsOf(value);
}

/** A reference to another document is a value, although its keys look like operators. */
const REFERENCE: readonly string[] = ["$ref", "$id", "$db"];

function isOperators(value: Value): boolean {
  if (value.type !== TYPE_DOCUMENT) return false;
  const { value: first } = elementsOf(value.b, value.at).next();
  return first ? first.name.startsWith("$") && !REFERENCE.includes(first.name) : false;
}

/** True if every operator of the document matches. */
export function operatorsOf(document: Value): Condition {
  const fields = [...elementsOf(document.b, document.at)];
  const siblings = new Map(fields.map((field) => [field.name, field]));
  if (siblings.size !== fields.length) throw refuse("an operator is named twice for one field");
  return every(
    fields.map((field) => {
      const read = FIELD_OPERATORS.get(field.name);
      if (!read)
        throw refuse(
          `${field.name.startsWith("$") ? "the operator" : "the field"} ${JSON.stringify(field.name)} is not supported beside operators`,
        );
      return read(field, siblings, { operatorsOf, parseDocument });
    }),
  );
}
