// What a collection of a dump without a manifest is, by what its metadata says and which data files there are. Pure.
// What must stay true: metadata never gives a collection less than the files hold, and what it promises is there.
import { findElement, findString, TYPE_DOCUMENT } from "../bson/element.ts";
import type { CollectionType } from "./manifest.ts";
import type { CollectionMetadata } from "./metadata.ts";

export interface StockParts {
  /** null: there is none. */
  readonly metadata: Described | null;
  /** Documents under the collection's own name. */
  readonly plain: boolean;
  /** Documents under the name of a time series' buckets. */
  readonly buckets: boolean;
}

export type StockKind =
  | {
      readonly type: CollectionType;
      readonly data: "plain" | "buckets" | null;
      /** It is so only if this data has no documents; else they would be lost. */
      readonly emptyOnly?: "plain";
    }
  /** Completes a sentence about the metadata, or the data where there is none. */
  | { readonly problem: string };

type Described = Pick<CollectionMetadata, "type" | "untyped" | "options">;

export function definesView({ options }: Pick<Described, "options">): boolean {
  return (findString(Buffer.from(options), 0, "viewOn") ?? "") !== "";
}

export function definesSeries({ options }: Pick<Described, "options">): boolean {
  return findElement(Buffer.from(options), 0, "timeseries")?.type === TYPE_DOCUMENT;
}

/** As what its documents are restored, whatever files there are. */
export function typeSaid(metadata: Described): string {
  if (definesView(metadata)) return "view";
  if (definesSeries(metadata)) return "timeseries";
  // `mongodump --viewsAsCollections` writes the documents of a view, says that it is one, and not on what.
  return metadata.type === "view" ? "collection" : metadata.type;
}

const TYPES: readonly string[] = ["collection", "view", "timeseries"];
export const DOCUMENTS_OF_A_VIEW =
  "it defines a view (viewOn), and there are documents of that name too";
export const DOCUMENTS_IN_TWO_PLACES =
  "there are documents of the time series both in its buckets and under its own name";

export function stockKind({ metadata, plain, buckets }: StockParts): StockKind {
  if (metadata === null) {
    if (buckets) return { problem: "it holds a time series, whose metadata is missing" };
    return { type: "collection", data: "plain" };
  }
  const { type, untyped = false } = metadata;
  if (!TYPES.includes(type))
    return { problem: `it is of a ${JSON.stringify(type)}, which is not known` };
  const [view, series] = [definesView(metadata), definesSeries(metadata)];
  const said = untyped ? typeSaid(metadata) : type;
  if (view && (said !== "view" || series))
    return { problem: `it is of a ${said}, and its options define a view (viewOn)` };
  if (series && said !== "timeseries")
    return { problem: `it is of a ${said}, and its options define a time series` };
  if (said === "view") return kindOfView(view, plain, buckets);
  if (said === "timeseries") return kindOfSeries(series, plain, buckets);
  if (buckets) return { problem: "it is of a collection, and the data is that of a time series" };
  return plain ? { type: "collection", data: "plain" } : missing("a collection");
}

function kindOfView(defined: boolean, plain: boolean, buckets: boolean): StockKind {
  if (buckets) return { problem: "it is of a view, and the data is that of a time series" };
  if (defined) return { type: "view", data: null, ...(plain && { emptyOnly: "plain" }) };
  if (plain) return { type: "collection", data: "plain" };
  return { problem: "it is of a view, and does not say on what (viewOn)" };
}

/** From server 8.3 on the data is under the series' own name. */
function kindOfSeries(defined: boolean, plain: boolean, buckets: boolean): StockKind {
  if (!defined)
    return { problem: "it is of a time series, and its options do not define one (timeseries)" };
  if (buckets) return { type: "timeseries", data: "buckets", ...(plain && { emptyOnly: "plain" }) };
  return plain ? { type: "timeseries", data: "plain" } : missing("a time series");
}

const missing = (what: string): StockKind => ({
  problem: `it is of ${what}, and the file with its documents is missing`,
});
