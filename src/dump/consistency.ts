// One instant or none, and whether what was listed is still what was read. Pure.
import type { NamespaceInfo } from "../mongo/namespaces.ts";
import { CODES } from "../mongo/server-error.ts";
import { KeepError } from "../errors.ts";

/** Why a read at an instant failed: `moved` is worth starting over, `too-old` is not. */
export type ReadFailure = "moved" | "too-old" | "other";

const MOVED: readonly number[] = [
  CODES.snapshotUnavailable,
  CODES.queryPlanKilled,
  CODES.namespaceNotFound,
];

export function classifyReadFailure(error: unknown): ReadFailure {
  if (!(error instanceof KeepError)) return "other";
  const code = error.details.serverCode;
  if (code === CODES.snapshotTooOld) return "too-old";
  return typeof code === "number" && MOVED.includes(code) ? "moved" : "other";
}

const full = (n: NamespaceInfo) => `${n.database}.${n.name}`;

/**
 * Namespaces of the listing that are no longer the same collection: dropped, renamed, or dropped and
 * created again. A collection dropped after the instant reads as empty (tried on 6.0.5), so each of
 * these may have been read wrongly.
 */
export function findGone(
  before: readonly NamespaceInfo[],
  after: readonly NamespaceInfo[],
): string[] {
  const now = new Map(after.map((n) => [full(n), n.dataUuid]));
  return before.filter((n) => !now.has(full(n)) || now.get(full(n)) !== n.dataUuid).map(full);
}

/** Namespaces that came into being since the listing; they are not in the backup. */
export function findNew(
  before: readonly NamespaceInfo[],
  after: readonly NamespaceInfo[],
): string[] {
  const known = new Set(before.map(full));
  return after.map(full).filter((name) => !known.has(name));
}

/**
 * Time series whose documents are not in buckets that can be read: servers that keep them otherwise (8.3 and
 * later) would answer with nothing, which must not be taken for an empty collection.
 */
export function findBucketless(namespaces: readonly NamespaceInfo[]): string[] {
  return namespaces
    .filter((n) => n.type === "timeseries" && (n.uuid !== null || n.dataUuid === null))
    .map(full);
}

/** Namespaces whose options or indexes are others than in the listing, byte for byte. */
export function findAltered(
  before: readonly NamespaceInfo[],
  after: readonly NamespaceInfo[],
): string[] {
  const now = new Map(after.map((n) => [full(n), n]));
  return before
    .filter((n) => {
      const later = now.get(full(n));
      return later !== undefined && !sameDefinition(n, later);
    })
    .map(full);
}

function sameDefinition(a: NamespaceInfo, b: NamespaceInfo): boolean {
  return (
    Buffer.compare(a.options, b.options) === 0 &&
    a.indexes.length === b.indexes.length &&
    a.indexes.every((index, i) => Buffer.compare(index, b.indexes[i] ?? index.subarray(0, 0)) === 0)
  );
}

/**
 * Whether two listings are of the same collections with the same options and indexes: then each shows the
 * state at any instant between.
 */
export function sameNamespaces(a: readonly NamespaceInfo[], b: readonly NamespaceInfo[]): boolean {
  const found = [findGone(a, b), findNew(a, b), findAltered(a, b)];
  return found.every((names) => names.length === 0);
}
