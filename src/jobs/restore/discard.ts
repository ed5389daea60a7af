// `restore --discard-replaced`: deletes what restores retain beside the live data, on request. What must stay true:
// nothing of a restore that did not end is dropped.
import { warn } from "../../events.ts";
import { KeepError } from "../../errors.ts";
import { assertTakesWrites } from "../../mongo/takes-writes.ts";
import { unreadableError } from "../../restore/record/read-record.ts";
import type { Records } from "../../restore/record/read-record.ts";
import { isBetween, neededBy } from "../../restore/record/record-state.ts";
import type { StoredRecord } from "../../restore/record/record.ts";
import { dropOwn, pruneMarkers } from "../../restore/swap/staged.ts";
import type { JobContext } from "../context.ts";
import { databasesOf, listRetained } from "./retained/list.ts";
import { beginVerb, lockRestores } from "./lock.ts";
import { mayBeNeeded, readRestores } from "./records.ts";
import type { Discarded } from "../results.ts";

export interface DiscardRequest {
  /** null: of all restores in this backup folder. */
  readonly restoreId: string | null;
  readonly confirm: boolean;
}

/** @throws KeepError usage (no such restore, or one that is not whole), and what dropping throws */
export async function runDiscard(
  outer: JobContext,
  { restoreId, confirm }: DiscardRequest,
): Promise<Discarded> {
  const lock = (unlocked: JobContext) => lockRestores(unlocked, "restore");
  await using run = await beginVerb(outer, confirm ? lock : null);
  const { context, warnings } = run;
  const all = await readRestores(context);
  const records = chosen(all, restoreId);
  const needed = neededBy(all.records);
  await using deployment = await context.connect();
  if (confirm) await assertTakesWrites(deployment, context.signal);
  const kept = await listRetained(deployment, records);
  const collections = kept.filter(
    (c) =>
      !needed.has(`${c.database}.${c.collection}`) && !mayBeNeeded(all.unreadable, c.restoreId),
  );
  if (collections.length < kept.length) warnNeeded(context, kept.length - collections.length);
  if (confirm) {
    const names = new Set(collections.map((c) => `${c.database}.${c.collection}`));
    const databases = [...new Set(records.flatMap(databasesOf))];
    const ids = new Set(records.map((r) => r.id));
    await dropOwn(
      deployment,
      databases,
      (m) => ids.has(m.restoreId) && names.has(`${m.database}.${m.name}`),
    );
    for (const { id } of records) await pruneMarkers(deployment, databases, id);
  }
  const shown = collections.map(({ database: _, ...rest }) => rest);
  return { ok: true, planned: !confirm, restored: false, backup: null, dropAside: shown, warnings };
}

function warnNeeded({ emit }: JobContext, count: number): void {
  warn(
    emit,
    "aside-needed",
    `${count === 1 ? "1 collection is kept: an interrupted rollback needs it" : `${count} collections are kept: an interrupted rollback needs them`} (mongokeep restore --resume, or rollback, ends it)`,
  );
}

/** A restore that was interrupted in its swap needs what is beside: it is finished or undone first. */
function chosen({ records, unreadable }: Records, id: string | null): readonly StoredRecord[] {
  if (id === null) return records.filter((r) => !isBetween(r));
  const record = records.find((r) => r.id === id);
  const unclear = unreadable.find((r) => r.id === id);
  if (unclear) throw unreadableError(unclear);
  if (!record) throw new KeepError("usage", `there is no restore ${id}`);
  if (!isBetween(record)) return [record];
  throw new KeepError(
    "usage",
    `the restore ${id} did not end: the retained collections are still needed`,
    {
      hint: `First mongokeep restore --resume ${id} --confirm, or mongokeep rollback ${id} --confirm.`,
    },
  );
}
