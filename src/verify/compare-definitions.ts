// Indexes and options of two sides. Numbers are equal by value, fields of an index in any order, because
// servers and tools write them differently; the order of keys inside counts (TOOLS-3411). Pure.
import { canonicalValue } from "../bson/identity.ts";
import { findString, skipValue, TYPE_ARRAY, TYPE_DOCUMENT } from "../bson/element.ts";
import { useOfIndexField, useOfOption } from "../mongo/definition-fields.ts";
import type { FieldUse } from "../mongo/definition-fields.ts";
import type { Description } from "./compare-sides.ts";

/** Names of indexes. */
export interface IndexDifference {
  /** On the other side only. */
  readonly added: readonly string[];
  /** In the backup only. */
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** Written by old servers and tools, and without a meaning: the namespace, which may be renamed. */
const IGNORED: ReadonlySet<string> = new Set(["ns"]);

/** Every collection gets it by itself, and `mongodump --viewsAsCollections` does not say so. */
const ID_INDEX = "_id_";

export function compareIndexes(backup: Description, other: Description): IndexDifference {
  const before = byName(backup.indexes);
  const after = byName(other.indexes);
  const names = [...before.keys()];
  return {
    added: [...after.keys()].filter((name) => !before.has(name) && name !== ID_INDEX),
    removed: names.filter((name) => !after.has(name)),
    changed: names.filter((name) => after.has(name) && after.get(name) !== before.get(name)),
  };
}

export function sameOptions(backup: Description, other: Description): boolean {
  const isLoose = backup.lostOrder || other.lostOrder;
  const formOfOptions = ({ options }: Description) => formOf(options, isLoose, useOfOption);
  return formOfOptions(backup) === formOfOptions(other);
}

const asBuffer = (raw: Uint8Array) => Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);

function byName(indexes: readonly Uint8Array[]): Map<string, string> {
  return new Map(
    indexes.map((raw) => [
      findString(asBuffer(raw), 0, "name") ?? "",
      formOf(raw, false, useOfIndexField),
    ]),
  );
}

/** Settings by name, which stock tools write in any order. In a key, a filter or a pipeline order counts. */
const UNORDERED: ReadonlySet<string> = new Set([
  "collation",
  "timeseries",
  "clusteredIndex",
  "storageEngine",
  "weights",
]);

/**
 * The same text for definitions that mean the same. `isLoose`: the order of keys counts nowhere.
 * @param use of a field of the definition: what is never carried over is no difference
 */
function formOf(raw: Uint8Array, isLoose: boolean, use: (name: string) => FieldUse): string {
  const fields = formAt(asBuffer(raw), 0, isLoose);
  return fields
    .filter((field) => use(field.slice(0, field.indexOf("\0"))) !== "left-out")
    .sort()
    .join("\n");
}

function formAt(b: Buffer, start: number, isLoose: boolean): string[] {
  const fields: string[] = [];
  let at = start + 4;
  for (let type = b[at] ?? 0; type !== 0; type = b[at] ?? 0) {
    const value = b.indexOf(0, at + 1) + 1;
    const name = b.toString("utf8", at + 1, value - 1);
    if (!IGNORED.has(name)) fields.push(`${name}\0${formOfValue(b, type, value, name, isLoose)}`);
    at = skipValue(b, type, value);
  }
  return fields;
}

function formOfValue(b: Buffer, type: number, at: number, name: string, isLoose: boolean): string {
  if (type === TYPE_DOCUMENT && (isLoose || UNORDERED.has(name)))
    return `{${formAt(b, at, isLoose).sort().join("\n")}}`;
  // Items are numbered, so that sorting would mix them up.
  if (type === TYPE_ARRAY && isLoose) return `[${formAt(b, at, isLoose).join("\n")}]`;
  return canonicalValue(b, type, at).toString("hex");
}
