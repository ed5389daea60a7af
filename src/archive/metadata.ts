// metadata.json as mongodump writes it: options, indexes, uuid, collectionName, type, in canonical
// Extended JSON. Options and indexes stay raw BSON, so that the order of their keys survives (TOOLS-3411).
// What Extended JSON cannot say (payloads of NaN, text that is no UTF-8, documents that look like its own
// wrappers) is written beside it in base64, under "bson": readers of mongodump's files pass over that.
import * as BSON from "bson";
import { byteAt } from "../bson/byte-at.ts";
import { fromBase64 } from "../bson/ejson-payload.ts";
import { ejsonToRaw, rawToEjson } from "../bson/ejson.ts";
import {
  findElement,
  findString,
  skipValue,
  TYPE_ARRAY,
  TYPE_DOCUMENT,
  TYPE_STRING,
} from "../bson/element.ts";
import { validateDocuments } from "../bson/validate.ts";

export interface CollectionMetadata {
  readonly collectionName: string;
  /** "collection", "timeseries" or "view"; older tools leave it out. */
  readonly type: string;
  /** The file does not say the type. */
  readonly untyped?: true;
  readonly uuid: string | null;
  /** Raw BSON. */
  readonly options: Uint8Array;
  /** Raw BSON of each definition. */
  readonly indexes: readonly Uint8Array[];
}

/** More are not read: each takes some hundred bytes of memory, and a bomb has millions. */
export const MOST_VALUES = 200_000;
const [COMMA, BRACE, BRACKET] = Buffer.from(",{[");

/** Whether the text has at most so many values: it has at least as many separators; strings may have some more. */
export function hasFewValues(text: Buffer): boolean {
  let left = MOST_VALUES;
  for (const byte of text)
    if ((byte === COMMA || byte === BRACE || byte === BRACKET) && --left < 0) return false;
  return true;
}

export function formatMetadata(metadata: CollectionMetadata): string {
  const text = formatFields(metadata, toText(metadata.options), metadata.indexes.map(toText));
  if (hasFewValues(Buffer.from(text))) return text;
  // A validator may list a million values; as raw bytes it is one.
  const unsaid = { text: null, exact: false };
  return formatFields(metadata, unsaid, [unsaid]);
}

function formatFields(
  metadata: CollectionMetadata,
  options: AsText,
  indexes: readonly AsText[],
): string {
  const isExact = [options, ...indexes].every(({ exact }) => exact);
  const fields = [
    `"options":${options.text ?? "{}"}`,
    `"indexes":[${indexes.flatMap(({ text }) => text ?? []).join(",")}]`,
    ...(metadata.uuid === null ? [] : [`"uuid":${JSON.stringify(metadata.uuid)}`]),
    `"collectionName":${JSON.stringify(metadata.collectionName)}`,
    `"type":${JSON.stringify(metadata.type)}`,
    ...(isExact ? [] : [`"bson":${beside(metadata)}`]),
  ];
  return `{${fields.join(",")}}`;
}

interface AsText {
  /** Canonical Extended JSON; null where it could not even be read. */
  readonly text: string | null;
  /** It gives the same bytes again. */
  readonly exact: boolean;
}

/** In thousands of collections most options and indexes are the same: short ones are remembered, a few at a time. */
const known = new Map<string, AsText>();
const [MOST_KNOWN, LONGEST_KNOWN] = [64, 512];

function toText(raw: Uint8Array): AsText {
  if (raw.length > LONGEST_KNOWN) return convert(raw);
  const key = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString("latin1");
  const before = known.get(key);
  if (before) return before;
  if (known.size >= MOST_KNOWN) known.clear();
  const text = convert(raw);
  known.set(key, text);
  return text;
}

function convert(raw: Uint8Array): AsText {
  const text = rawToEjson(raw);
  try {
    return { text, exact: Buffer.compare(ejsonToRaw(text), raw) === 0 };
  } catch (error) {
    if (error instanceof SyntaxError) return { text: null, exact: false };
    throw error;
  }
}

function beside({ options, indexes }: CollectionMetadata): string {
  const base64 = (raw: Uint8Array) => Buffer.from(raw).toString("base64");
  return JSON.stringify({ options: base64(options), indexes: indexes.map(base64) });
}

const EMPTY_DOCUMENT = BSON.serialize({});

/** @throws SyntaxError for text that is no metadata of a collection */
export function parseMetadata(text: string): CollectionMetadata {
  const b = Buffer.from(ejsonToRaw(text));
  for (const field of ["collectionName", "type", "uuid"]) findOfKind(b, field, TYPE_STRING);
  const options = findOfKind(b, "options", TYPE_DOCUMENT);
  const indexes = findOfKind(b, "indexes", TYPE_ARRAY);
  const exact = readBeside(b);
  const type = findString(b, 0, "type") ?? "";
  return {
    collectionName: findString(b, 0, "collectionName") ?? "",
    type: type === "" ? "collection" : type,
    ...(type === "" && { untyped: true }),
    uuid: findString(b, 0, "uuid"),
    options: options === null ? EMPTY_DOCUMENT : documentAt(b, options),
    indexes: indexes === null ? [] : documentsIn(b, indexes),
    ...exact,
  };
}

const TYPE_NULL = 0x0a;

/** Where the field's value is; null where there is none. To pass over another kind would be to restore without it. */
function findOfKind(b: Buffer, field: string, type: number): number | null {
  const found = findElement(b, 0, field);
  if (found === undefined || found.type === TYPE_NULL) return null;
  if (found.type === type) return found.at;
  throw new SyntaxError(`${field} in the metadata is of another kind`);
}

/** The raw bytes of what Extended JSON cannot say; null in nearly every file. */
function readBeside(b: Buffer): Pick<CollectionMetadata, "options" | "indexes"> | null {
  const found = findOfKind(b, "bson", TYPE_DOCUMENT);
  if (found === null) return null;
  const inner = documentAt(b, found);
  const indexes = findElement(inner, 0, "indexes");
  const options = findString(inner, 0, "options");
  if (options === null || indexes?.type !== TYPE_ARRAY)
    throw new SyntaxError("the exact options or indexes in the metadata are incomplete");
  return {
    options: exactDocument(options),
    indexes: stringsIn(inner, indexes.at).map(exactDocument),
  };
}

function exactDocument(text: string): Buffer {
  const raw = fromBase64(text);
  const checked = validateDocuments(raw);
  if ("documents" in checked && checked.documents === 1) return raw;
  throw new SyntaxError("the exact options or indexes in the metadata are no BSON");
}

function stringsIn(b: Buffer, start: number): string[] {
  const found: string[] = [];
  let at = start + 4;
  for (let type = byteAt(b, at); type !== 0; type = byteAt(b, at)) {
    const value = b.indexOf(0, at + 1) + 1;
    if (type !== TYPE_STRING) throw new SyntaxError("an exact index in the metadata is no text");
    found.push(b.toString("utf8", value + 4, value + 3 + b.readInt32LE(value)));
    at = skipValue(b, type, value);
  }
  return found;
}

const documentAt = (b: Buffer, at: number) => b.subarray(at, at + b.readInt32LE(at));

function documentsIn(b: Buffer, start: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = start + 4;
  for (let type = byteAt(b, at); type !== 0; type = byteAt(b, at)) {
    const value = b.indexOf(0, at + 1) + 1;
    if (type !== TYPE_DOCUMENT) throw new SyntaxError("an index in the metadata is no document");
    found.push(documentAt(b, value));
    at = skipValue(b, type, value);
  }
  return found;
}
