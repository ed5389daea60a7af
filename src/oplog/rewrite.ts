// Rewrites entries for the server: to the name under which the collection is restored, without the fields that tie them
// to their origin (`ui`, sessions, statement numbers). Pure.
import { embed, rawDocument, rawString, rawTrue } from "../bson/build.ts";
import { elementOf, withoutFields } from "../bson/edit.ts";
import { findEmptyTimestamps } from "../bson/empty-timestamp.ts";
import { documentAt, fieldsOf, firstField } from "../bson/fields.ts";
import { findElement } from "../bson/element.ts";
import { useOfChange, useOfOption } from "../mongo/definition-fields.ts";
import { BUCKETS } from "./operation.ts";
import type { Place, WriteOperation } from "./operation.ts";

/** The collection under which a namespace is restored. */
export interface Target {
  readonly database: string;
  readonly collection: string;
}

/** The target of a write: the collection itself, or the buckets of the time series of that name. */
export function dataNameOf(place: Place, target: Target): string {
  return place.buckets ? `${BUCKETS}${target.collection}` : target.collection;
}

/** One operation for `applyOps`. An update inserts if there is nothing to update (`b`: idempotent). */
export function rewriteWrite(operation: WriteOperation, target: Target): Buffer {
  const ns = rawString("ns", `${target.database}.${dataNameOf(operation.place, target)}`);
  if (operation.kind === "insert")
    return rawDocument(rawString("op", "i"), ns, embed("o", operation.o));
  if (operation.kind === "delete")
    return rawDocument(rawString("op", "d"), ns, embed("o", operation.o));
  const { o, o2 } = operation;
  return rawDocument(rawString("op", "u"), ns, rawTrue("b"), embed("o", o), embed("o2", o2));
}

/** The document after a write, if the entry contains a whole one. */
export function wholeDocument(operation: WriteOperation): Buffer | null {
  if (operation.kind === "delete") return null;
  if (operation.kind === "insert") return operation.o;
  const first = firstField(operation.o);
  return first?.name.startsWith("$") === true ? null : operation.o;
}

/**
 * The server replaces an empty top-level timestamp by the current time, so such a document is written in another way.
 */
export function holdsEmptyTimestamp(operation: WriteOperation): boolean {
  const document = wholeDocument(operation);
  return document !== null && findEmptyTimestamps(document).length > 0;
}

/** Options that the server derives itself when it creates a time series. */
const MADE_FOR_SERIES: readonly string[] = ["validator", "clusteredIndex", "idIndex"];
/** Set last: from then on the server deletes expired documents. */
export const EXPIRY = "expireAfterSeconds";

/** The options of a `create` entry, in the form of metadata.json. */
export function optionsOf(o: Buffer): Buffer {
  const [name, ...options] = [...fieldsOf(o)];
  const left = rawDocument(...options.map((field) => elementOf(o, field)));
  const series = findElement(left, 0, "timeseries") !== undefined;
  if (name === undefined) return left;
  // Without `temp`, with which the server would drop the collection at the next election.
  const leftOut = options.map((o) => o.name).filter((one) => useOfOption(one) === "left-out");
  return withoutFields(left, [...leftOut, ...(series ? MADE_FOR_SERIES : [])]);
}

/** The `create` command for these options; null stands for the database on which it runs. */
export function rewriteCreate(options: Buffer, target: Target): Buffer[] {
  const idIndex = documentAt(options, "idIndex");
  // Only if it says more than that there is one: not every server accepts the plain form.
  const plain = idIndex !== null && documentAt(idIndex, "collation") === null;
  const kept = withoutFields(options, [EXPIRY, ...(plain ? ["idIndex"] : [])]);
  return [rawString("create", target.collection), ...elementsOf(kept)];
}

export const elementsOf = (b: Buffer): Buffer[] => [...fieldsOf(b)].map((f) => elementOf(b, f));

/** The parts of a `collMod` entry, by who applies them. */
export interface SplitCollMod {
  /** For the server; empty if nothing is left. */
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

/** The collection under the new name was gone, or was replaced, when the log was written. */
export function renameElements(from: Target, to: Target): Buffer[] {
  return [
    rawString("renameCollection", `${from.database}.${from.collection}`),
    rawString("to", `${to.database}.${to.collection}`),
    rawTrue("dropTarget"),
  ];
}
