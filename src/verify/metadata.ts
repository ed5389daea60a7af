// Whether a metadata file is that of the collection it is listed for: a backup whose parts were exchanged would
// otherwise restore the documents of one collection with the indexes of another.
import type { EngineName, ManifestCollection } from "../archive/manifest.ts";
import type { CollectionMetadata } from "../archive/metadata.ts";
import { stockKind } from "../archive/stock-kind.ts";
import { findString } from "../bson/element.ts";

type Promised = Pick<ManifestCollection, "name" | "type" | "indexes">;

/** What does not fit; null where all does. mongodump before 100.4 writes no type, and before 100.0 no name. */
export function compareMetadata(
  expected: Promised,
  found: CollectionMetadata,
  engine: EngineName,
): string | null {
  const isOld = engine === "mongodump";
  const { collectionName, type } = found;
  if (collectionName !== expected.name && !(isOld && collectionName === ""))
    return `it is the metadata of ${JSON.stringify(collectionName)}, and should be that of ${JSON.stringify(expected.name)}`;
  if (type !== expected.type && !(isOld && type === "collection"))
    return `it is of a ${type}, and should be of a ${expected.type}`;
  const [plain, buckets] = [expected.type === "collection", expected.type === "timeseries"];
  const kind = stockKind({ metadata: found, plain, buckets });
  if ("problem" in kind) return kind.problem;
  if (kind.type !== expected.type)
    return `its options are those of a ${kind.type}, and should be those of a ${expected.type}`;
  const names = found.indexes.map((raw) => findString(Buffer.from(raw), 0, "name") ?? "");
  const missing = expected.indexes.filter((name) => !names.includes(name));
  if (missing.length > 0) return `it lacks the index ${missing.map((name) => JSON.stringify(name)).join(", ")}`; // prettier-ignore
  if (names.length === expected.indexes.length) return null;
  return `it has ${names.length} indexes, and should have ${expected.indexes.length}`;
}
