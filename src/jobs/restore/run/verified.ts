// What a result says of each collection: how many documents, whether equal, and how that is known. Pure.
import type { PlannedCollection, RestorePlan } from "../../../restore/plan/plan.ts";
import { notVerified } from "../../../restore/load/read-back.ts";
import type { VerifiedCollection } from "../../../restore/load/read-back.ts";
import type { StoredRecord } from "../../../restore/record/record.ts";
import type { Replayed } from "../../../restore/load/replay.ts";

/**
 * A collection that a rollback brought back by a rename: the replaced collection itself, known by its UUID, and not
 * read. A view is created again. The definitions of both were compared (verify-definitions.ts).
 */
export const renamedBack = ({
  namespace,
  documents,
  way,
}: Pick<PlannedCollection, "namespace" | "documents" | "way">): VerifiedCollection =>
  way === "view"
    ? { namespace, documents: 0, equal: true, verified: "definition" }
    : { namespace, documents, equal: null, verified: "renamed back" };

/** A collection that the oplog changed after it was compared counts as not verified. */
export function afterReplay(
  collections: readonly VerifiedCollection[],
  { collections: planned }: RestorePlan,
  replayed: Replayed | null,
): VerifiedCollection[] {
  const touched = new Set(replayed?.touched);
  const changed = new Set(
    planned
      .filter(({ source }) => touched.has(`${source.database}.${source.name}`))
      .map(({ namespace }) => namespace),
  );
  return collections.map((one) => (changed.has(one.namespace) ? notVerified(one.namespace) : one));
}

/**
 * For a restore that was interrupted and finished later: the journal says what was compared while it was staged, and
 * `now` what was compared since.
 */
export function verifiedOf(
  { recorded, entries }: Pick<StoredRecord, "recorded" | "entries">,
  now: readonly VerifiedCollection[],
): VerifiedCollection[] {
  const { plan, rollbackOf } = recorded;
  const { collections, oplog } = plan;
  const since = new Map(now.map((one) => [one.namespace, one]));
  const found = new Map(
    entries.flatMap((e) =>
      e.proved && e.namespace !== undefined ? [[e.namespace, e.proved]] : [],
    ),
  );
  return collections.map((planned) => {
    const { namespace, way, rawBytes, contentHash } = planned;
    const known = since.get(namespace);
    if (known) return known;
    const proved = found.get(namespace);
    // Which of them the oplog has changed after that is not in the journal.
    if (way === "swap" && proved && oplog === null)
      return {
        ...{ namespace, documents: proved.documents, equal: true },
        verified: contentHash === null ? "count" : "hash",
      };
    // A restore has such a collection from its oplog.
    return rollbackOf !== null && way === "swap" && rawBytes === null && !proved
      ? renamedBack(planned)
      : notVerified(namespace);
  });
}
