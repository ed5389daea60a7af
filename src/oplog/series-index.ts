// Index definitions of time series as people write them; the log holds them as defined on the buckets. Pure.
import { embed, rawDocument, rawElement } from "../bson/build.ts";
import { withField } from "../bson/edit.ts";
import { findString } from "../bson/element.ts";
import { documentAt, fieldsOf } from "../bson/fields.ts";

const LOWEST = "control.min.";
const HIGHEST = "control.max.";

/**
 * The definition over the fields of the series. Newer servers store it beside the one on the buckets. @param series the
 * option `timeseries` of the collection; null if it is unknown
 */
export function toSeriesIndex(definition: Buffer, series: Buffer | null): Buffer {
  const original = documentAt(definition, "originalSpec");
  if (original !== null) return original;
  const key = documentAt(definition, "key");
  if (key === null) return definition;
  const parts: Buffer[] = [];
  let pairOf: string | null = null;
  for (const field of fieldsOf(key)) {
    const measured = measuredName(field.name);
    // A measurement has one element for its lowest and one for its highest value, in index order.
    if (measured !== null && measured === pairOf) {
      pairOf = null;
      continue;
    }
    pairOf = measured;
    const name = measured ?? metaName(field.name, series);
    parts.push(rawElement(field.type, name, key.subarray(field.at, field.end)));
  }
  return withField(definition, "key", embed("key", rawDocument(...parts)));
}

function measuredName(name: string): string | null {
  if (name.startsWith(LOWEST)) return name.slice(LOWEST.length);
  return name.startsWith(HIGHEST) ? name.slice(HIGHEST.length) : null;
}

function metaName(name: string, series: Buffer | null): string {
  const metaField = series && findString(series, 0, "metaField");
  if (metaField === null || (name !== "meta" && !name.startsWith("meta."))) return name;
  return `${metaField}${name.slice("meta".length)}`;
}
