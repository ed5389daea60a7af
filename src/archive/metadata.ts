// metadata.json as mongodump writes it: options, indexes, uuid, collectionName, type, in canonical
// Extended JSON. Options and indexes stay raw BSON, so that the order of their keys survives (TOOLS-3411).
import * as BSON from "bson";
import { ejsonToRaw, rawToEjson } from "../bson/ejson.ts";
import { findElement, findString, skipValue, TYPE_ARRAY, TYPE_DOCUMENT } from "../bson/element.ts";

export interface CollectionMetadata {
  readonly collectionName: string;
  /** "collection", "timeseries" or "view"; older tools leave it out. */
  readonly type: string;
  readonly uuid: string | null;
  /** Raw BSON. */
  readonly options: Uint8Array;
  /** Raw BSON of each definition. */
  readonly indexes: readonly Uint8Array[];
}

export function formatMetadata(metadata: CollectionMetadata): string {
  const fields = [
    `"options":${rawToEjson(metadata.options)}`,
    `"indexes":[${metadata.indexes.map(rawToEjson).join(",")}]`,
    ...(metadata.uuid === null ? [] : [`"uuid":${JSON.stringify(metadata.uuid)}`]),
    `"collectionName":${JSON.stringify(metadata.collectionName)}`,
    `"type":${JSON.stringify(metadata.type)}`,
  ];
  return `{${fields.join(",")}}`;
}

const EMPTY_DOCUMENT = BSON.serialize({});

/** @throws SyntaxError for text that is no metadata of a collection */
export function parseMetadata(text: string): CollectionMetadata {
  const b = Buffer.from(ejsonToRaw(text));
  const options = findElement(b, 0, "options");
  const indexes = findElement(b, 0, "indexes");
  return {
    collectionName: findString(b, 0, "collectionName") ?? "",
    type: findString(b, 0, "type") ?? "collection",
    uuid: findString(b, 0, "uuid"),
    options: options?.type === TYPE_DOCUMENT ? documentAt(b, options.at) : EMPTY_DOCUMENT,
    indexes: indexes?.type === TYPE_ARRAY ? documentsIn(b, indexes.at) : [],
  };
}

const documentAt = (b: Buffer, at: number) => b.subarray(at, at + b.readInt32LE(at));

function documentsIn(b: Buffer, start: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = start + 4;
  for (let type = b[at] ?? 0; type !== 0; type = b[at] ?? 0) {
    const value = b.indexOf(0, at + 1) + 1;
    if (type !== TYPE_DOCUMENT) throw new SyntaxError("an index in the metadata is no document");
    found.push(documentAt(b, value));
    at = skipValue(b, type, value);
  }
  return found;
}
