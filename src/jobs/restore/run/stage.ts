// The phase that loads and verifies the backup beside the live data, and plans the cutover. Nothing live is touched.
import { warn } from "../../../events.ts";
import { toKeepError } from "../../../errors.ts";
import {
  dropOwn,
  markParked,
  planSwap,
  pruneMarkers,
  stage as stageBeside,
} from "../../../restore/swap/staged.ts";
import { recordedExpiry } from "../../../restore/load/recorded-expiry.ts";
import type { OwnRole } from "../../../mongo/own-collections.ts";
import type { Phase, Transaction } from "./phase.ts";

export const stage: Phase = {
  async do(restore) {
    const { order, record, found } = restore;
    if (order.plan.mode === "in-place") return;
    if (order.swapBack) found.items = order.swapBack.items;
    else await load(restore);
    await record.writeSwap(found.items);
    await markParked(restore.deployment, record.id, found.items);
  },

  /** Failing to drop must not hide why the restore failed: `doctor` finds what is left. */
  async undo({ context, order: { plan }, record, at }) {
    if (plan.mode === "in-place" && at === "start") return;
    try {
      await using own = await context.connect(new AbortController().signal);
      const isUnused = ({ restoreId, role }: { restoreId: string; role: OwnRole }) =>
        restoreId === record.id && NEVER_LIVE.includes(role);
      await dropOwn(own, plan.targetDatabases, isUnused);
      await pruneMarkers(own, plan.targetDatabases, record.id);
    } catch (error) {
      const message = `could not drop the staged collections (${toKeepError(error).message}); later: mongokeep restore --discard-replaced ${record.id} --confirm`;
      warn(context.emit, "staged-left", message);
    }
  },
};

const NEVER_LIVE: readonly OwnRole[] = ["staged", "tried"];

async function load({ context, deployment, order, record, found }: Transaction): Promise<void> {
  const { emit, signal } = context;
  const { plan, backup, createLoader } = order;
  emit({ kind: "step", step: "stage", state: "begin" });
  await record.journal({ step: "stage", state: "begin" });
  const loading = { emit, signal, ...(createLoader && { createLoader }) };
  found.staging = await stageBeside(deployment, backup, plan, record, loading);
  const expiring = recordedExpiry(found.staging.work);
  await record.journal({ step: "stage", state: "done", expiring });
  found.items = await planSwap(deployment, record.id, plan, found.staging.work);
  emit({ kind: "step", step: "stage", state: "end" });
}
