// Options and indexes of each collection during a replay. They start as in the backup, and each entry about indexes
// changes them here instead of on the server. All indexes of a collection are built at once when its documents are
// complete: an index would slow down every write, and a unique one could refuse an intermediate state. Pure;
// definitions stay raw, in key order.
import type { CollectionMetadata } from "../archive/metadata.ts";
import {
  findElement,
  findString,
  TYPE_ARRAY,
  TYPE_DOCUMENT,
  TYPE_STRING,
} from "../bson/element.ts";
import { elementOf, withField, withoutFields } from "../bson/edit.ts";
import { documentAt, fieldsOf, isTrue, stringOf } from "../bson/fields.ts";
import { canonicalValue } from "../bson/identity.ts";
import type { Place } from "./operation.ts";
import { EXPIRY } from "./rewrite.ts";
import { toSeriesIndex } from "./series-index.ts";

/** What a collection needs besides documents, in the form of metadata.json. */
export type Catalogued = Pick<CollectionMetadata, "options" | "indexes">;

interface Entry {
  options: Buffer;
  /** By name. */
  readonly indexes: Map<string, Buffer>;
}

type Name = Pick<Place, "database" | "collection">;

const keyOf = ({ database, collection }: Name) => `${database}.${collection}`;
const asBuffer = (raw: Uint8Array) => Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
const nameOf = (definition: Buffer) => findString(definition, 0, "name") ?? "";

/** Collections by their names in the backup and its log, not by the names under which they are restored. */
export class IndexCatalog {
  readonly #entries = new Map<string, Entry>();

  /** A collection of the backup. */
  add(name: Name, { options, indexes }: Catalogued): void {
    const raw = indexes.map(asBuffer);
    this.#entries.set(keyOf(name), {
      options: asBuffer(options),
      indexes: new Map(raw.map((definition) => [nameOf(definition), definition])),
    });
  }

  /** null: there is no such collection. */
  get(name: Name): Catalogued | null {
    const entry = this.#entries.get(keyOf(name));
    return entry ? { options: entry.options, indexes: [...entry.indexes.values()] } : null;
  }

  /** Collections of a database. */
  collectionsOf(database: string): string[] {
    const prefix = `${database}.`;
    const keys = [...this.#entries.keys()].filter((key) => key.startsWith(prefix));
    return keys.map((key) => key.slice(prefix.length));
  }

  /** Does not change an existing one: the backup already saw it. */
  create(name: Name, options: Buffer): void {
    if (!this.#entries.has(keyOf(name))) this.add(name, { options, indexes: [] });
  }

  drop(name: Name): void {
    this.#entries.delete(keyOf(name));
  }

  rename(from: Name, to: Name): void {
    const entry = this.#entries.get(keyOf(from));
    if (!entry) return;
    this.#entries.delete(keyOf(from));
    this.#entries.set(keyOf(to), entry);
  }

  addIndexes(place: Place, definitions: readonly Buffer[]): void {
    const entry = this.#entries.get(keyOf(place));
    if (!entry) return;
    const series = documentAt(entry.options, "timeseries");
    for (const definition of definitions) {
      const own = place.buckets ? toSeriesIndex(definition, series) : definition;
      // Copied, because the entry that contains it can be long.
      entry.indexes.set(nameOf(own), Buffer.from(own));
    }
  }

  /** `index` is that of dropIndexes: a name, names, a key, or `*`. */
  dropIndexes(place: Place, o: Buffer): void {
    const entry = this.#entries.get(keyOf(place));
    const index = findElement(o, 0, "index");
    if (!entry || !index) return;
    for (const name of namesIn(entry, o)) entry.indexes.delete(name);
  }

  /** Drops all indexes except the one on `_id`. */
  clearIndexes(place: Place): void {
    const entry = this.#entries.get(keyOf(place));
    if (entry)
      for (const name of [...entry.indexes.keys()]) if (name !== "_id_") entry.indexes.delete(name);
  }

  /** `index` is that of collMod. Returns the name of an unknown change, otherwise null. */
  modifyIndex(place: Place, change: Buffer): string | null {
    const entry = this.#entries.get(keyOf(place));
    if (!entry) return null;
    const names = findString(change, 0, "name");
    const pattern = documentAt(change, "keyPattern");
    const name = names ?? (pattern && nameByKey(entry, pattern));
    const definition = name === null ? undefined : entry.indexes.get(name);
    const strange = [...fieldsOf(change)].find((f) => !KNOWN_CHANGES.includes(f.name));
    if (strange) return strange.name;
    // An index that the backup does not have was dropped before the listing, and a later entry says so.
    if (name !== null && definition) entry.indexes.set(name, modified(definition, change));
    return null;
  }

  /** The collection's own expiry: an element with a number of seconds or "off". */
  setExpiry(place: Place, element: Buffer): void {
    const entry = this.#entries.get(keyOf(place));
    if (!entry) return;
    entry.options =
      element[0] === TYPE_STRING
        ? withoutFields(entry.options, [EXPIRY])
        : withField(entry.options, EXPIRY, Buffer.from(element));
  }
}

const KNOWN_CHANGES: readonly string[] = [
  "name",
  "keyPattern",
  EXPIRY,
  "hidden",
  "unique",
  "prepareUnique",
  "forceNonUnique",
];

/** A definition contains a flag only if it is true. */
function modified(definition: Buffer, change: Buffer): Buffer {
  let result = definition;
  for (const field of fieldsOf(change)) {
    const { name } = field;
    if (name === EXPIRY) result = withField(result, name, Buffer.from(elementOf(change, field)));
    if (name === "hidden" || name === "unique" || name === "prepareUnique")
      result = isTrue(change, name)
        ? withField(result, name, Buffer.from(elementOf(change, field)))
        : withoutFields(result, [name]);
    if (name === "unique") result = withoutFields(result, ["prepareUnique"]);
    if (name === "forceNonUnique") result = withoutFields(result, ["unique", "prepareUnique"]);
  }
  return result;
}

function namesIn(entry: Entry, o: Buffer): string[] {
  const others = [...entry.indexes.keys()].filter((name) => name !== "_id_");
  const index = [...fieldsOf(o)].find(({ name }) => name === "index");
  if (!index) return [];
  const name = stringOf(o, index);
  if (name !== null) return name === "*" ? others : [name];
  const value = o.subarray(index.at, index.end);
  if (index.type === TYPE_ARRAY)
    return [...fieldsOf(value)].flatMap((field) => stringOf(value, field) ?? []);
  const byKey = index.type === TYPE_DOCUMENT ? nameByKey(entry, value) : null;
  return byKey === null ? [] : [byKey];
}

function nameByKey(entry: Entry, key: Buffer): string | null {
  const wanted = canonicalValue(key, TYPE_DOCUMENT, 0);
  for (const [name, definition] of entry.indexes) {
    const own = documentAt(definition, "key");
    if (own && canonicalValue(own, TYPE_DOCUMENT, 0).equals(wanted)) return name;
  }
  return null;
}
