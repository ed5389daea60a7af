// Options and indexes that not every server has, and in which release series they came or went
// (release notes of 4.4 to 8.0; tried on 6.0.5 where it applies). Pure.
import type { CollectionMetadata } from "../../archive/metadata.ts";
import { toOrdered } from "../../bson/ordered.ts";
import type { Series } from "../../util/series.ts";

/** Something a collection may use that not every server has. */
export interface Feature {
  readonly name: string;
  /** The first series that has it; none: all have. */
  readonly since?: Series;
  /** The first series that no longer has it. */
  readonly until?: Series;
  /** A standalone server refuses it. */
  readonly needsReplicaSet?: boolean;
  readonly usedBy: (options: Options, indexes: readonly Options[]) => boolean;
}

type Options = ReadonlyMap<string, unknown>;

const FEATURES: readonly Feature[] = [
  { name: "a time series", since: [5, 0], usedBy: (options) => options.has("timeseries") },
  { name: "a clustered index", since: [5, 3], usedBy: (options) => options.has("clusteredIndex") },
  {
    name: "changeStreamPreAndPostImages",
    since: [6, 0],
    usedBy: (options) => isEnabled(options.get("changeStreamPreAndPostImages")),
  },
  {
    name: "Queryable Encryption (encryptedFields)",
    since: [6, 0],
    needsReplicaSet: true,
    usedBy: (options) => options.has("encryptedFields"),
  },
  {
    name: "a hidden index",
    since: [4, 4],
    usedBy: (_, indexes) => indexes.some((i) => i.get("hidden") === true),
  },
  {
    name: "an index with prepareUnique",
    since: [6, 0],
    usedBy: (_, indexes) => indexes.some((i) => i.get("prepareUnique") === true),
  },
  {
    name: "a compound wildcard index",
    since: [7, 0],
    usedBy: (_, indexes) => indexes.some(isCompoundWildcard),
  },
  {
    name: "an index that expires documents of a capped collection",
    since: [7, 1],
    usedBy: (options, indexes) =>
      options.get("capped") === true && indexes.some((i) => i.has("expireAfterSeconds")),
  },
  {
    name: "a geoHaystack index",
    until: [4, 9],
    usedBy: (_, indexes) => indexes.some((i) => keysOf(i).some(([, v]) => v === "geoHaystack")),
  },
];

function isEnabled(option: unknown): boolean {
  return option instanceof Map && option.get("enabled") === true;
}

function keysOf(index: Options): readonly [string, unknown][] {
  const key = index.get("key");
  return key instanceof Map ? [...(key as Map<string, unknown>)] : [];
}

function isCompoundWildcard(index: Options): boolean {
  const names = keysOf(index).map(([name]) => name);
  return names.length > 1 && names.some((name) => name === "$**" || name.endsWith(".$**"));
}

/** What a collection uses that not every server has. */
export function featuresOf(metadata: CollectionMetadata): Feature[] {
  const options = toOrdered(metadata.options);
  const indexes = metadata.indexes.map(toOrdered);
  return FEATURES.filter((feature) => feature.usedBy(options, indexes));
}
