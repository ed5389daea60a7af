// Entries as they are sent to the server: under the name that the collection is being restored as, with
// nothing of what bound them to where they were written (`ui`, sessions, statement numbers). Pure.
import { embed, rawDocument, rawString, rawTrue } from "../bson/build.ts";
import { elementOf, withoutFields } from "../bson/edit.ts";
import { findEmptyTimestamps } from "../bson/empty-timestamp.ts";
import { documentAt, fieldsOf, firstField } from "../bson/fields.ts";
import { findElement } from "../bson/element.ts";
import { useOfChange, useOfOption } from "../mongo/definition-fields.ts";
import { BUCKETS } from "./operation.ts";
import type { Place, WriteOperation } from "./operation.ts";

/** The collection that a namespace is being restored as. */
export interface Target {
  readonly database: string;
  readonly collection: string;
}

/** Where a write goes: to the collection itself, or to the buckets of the time series of that name. */
export function dataNameOf(place: Place, target: Target): string {
  return place.buckets ? `${BUCKETS}${target.collection}` : target.collection;
}

/** One operation for `applyOps`. An update inserts where there is nothing to update (`b`: idempotent). */
export function rewriteWrite(operation: WriteOperation, target: Target): Buffer {
  const ns = rawString("ns", `${target.database}.${dataNameOf(operation.place, target)}`);
  if (operation.kind === "insert")
    return rawDocument(rawString("op", "i"), ns, embed("o", operation.o));
  if (operation.kind === "delete")
    return rawDocument(rawString("op", "d"), ns, embed("o", operation.o));
  const { o, o2 } = operation;
  return rawDocument(rawString("op", "u"), ns, rawTrue("b"), embed("o", o), embed("o2", o2));
}

/** The document that a write leaves behind, where it writes a whole one. */
export function wholeDocument(operation: WriteOperation): Buffer | null {
  if (operation.kind === "delete") return null;
  if (operation.kind === "insert") return operation.o;
  const first = firstField(operation.o);
  return first?.name.startsWith("$") === true ? null : operation.o;
}

/** The server replaces an empty timestamp of the top level by the present: such a document goes another way. */
export function holdsEmptyTimestamp(operation: WriteOperation): boolean {
  const document = wholeDocument(operation);
  return document !== null && findEmptyTimestamps(document).length > 0;
}

/** What the server makes of the rest by itself when it creates a time series. */
const MADE_FOR_SERIES: readonly string[] = ["validator", "clusteredIndex", "idIndex"];
/** Set last: from then on the server deletes expired documents. */
export const EXPIRY = "expireAfterSeconds";

/** The options of a `create` entry, as metadata.json would hold them. */
export function optionsOf(o: Buffer): Buffer {
  const [name, ...options] = [...fieldsOf(o)];
  const left = rawDocument(...options.map((field) => elementOf(o, field)));
  const series = findElement(left, 0, "timeseries") !== undefined;
  if (name === undefined) return left;
  // `temp` among them, which would let it vanish at the next election.
  const leftOut = options.map((o) => o.name).filter((one) => useOfOption(one) === "left-out");
  return withoutFields(left, [...leftOut, ...(series ? MADE_FOR_SERIES : [])]);
}

/** The `create` command for these options; null for the database that it runs on. */
export function rewriteCreate(options: Buffer, target: Target): Buffer[] {
  const idIndex = documentAt(options, "idIndex");
  // Only where it says more than that there is one: not every server takes the plain one back.
  const plain = idIndex !== null && documentAt(idIndex, "collation") === null;
  const kept = withoutFields(options, [EXPIRY, ...(plain ? ["idIndex"] : [])]);
  return [rawString("create", target.collection), ...elementsOf(kept)];
}

export const elementsOf = (b: Buffer): Buffer[] => [...fieldsOf(b)].map((f) => elementOf(b, f));

/** What a `collMod` entry asks for, by who has to do it. */
export interface SplitCollMod {
  /** For the server; empty where nothing is left. */
  readonly elements: readonly Buffer[];
  /** For the indexes that are built after the replay. */
  readonly index: Buffer | null;
  /** The collection's own expiry, as an element. */
  readonly expiry: Buffer | null;
}

export function splitCollMod(o: Buffer): SplitCollMod {
  const [, ...options] = [...fieldsOf(o)];
  const expiry = options.find(({ name }) => name === EXPIRY);
  return {
    elements: options
      .filter(({ name }) => name !== EXPIRY && name !== "index" && useOfChange(name) === "sent")
      .map((field) => elementOf(o, field)),
    index: documentAt(o, "index"),
    expiry: expiry ? elementOf(o, expiry) : null,
  };
}

/** What stood under the new name had gone, or was replaced, when the log was written. */
export function renameElements(from: Target, to: Target): Buffer[] {
  return [
    rawString("renameCollection", `${from.database}.${from.collection}`),
    rawString("to", `${to.database}.${to.collection}`),
    rawTrue("dropTarget"),
  ];
}
