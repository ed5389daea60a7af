// The phase that puts what was staged under the live names, by renames; the old data is retained under other names.
// Its undo makes the same renames in the other direction.
import { warn } from "../../../events.ts";
import type { Work } from "../../../restore/load/load-collections.ts";
import { verifyViews } from "../../../restore/load/in-place.ts";
import type { RestoreRecord } from "../../../restore/record/record.ts";
import { untilIdle } from "../../../restore/swap/staged.ts";
import { carryOutSwap } from "../../../restore/swap/swap.ts";
import type { SwapContext } from "../../../restore/swap/swap.ts";
import { reversed } from "../../../restore/swap/swap-plan.ts";
import type { SwapItem } from "../../../restore/swap/swap-plan.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import type { JobContext } from "../../context.ts";
import { markRejected } from "../retained/rejected.ts";
import { lockLimit } from "./await-clear.ts";
import type { Phase } from "./phase.ts";
import { verifyRenamed } from "./verify-definitions.ts";

export const cutover: Phase = {
  async do({ context, deployment, order, record, found }) {
    const { items } = found;
    if (order.plan.mode === "in-place") return;
    await carryOutSwap(swapContext(context, deployment, record, "swap"), items);
    if (order.rollbackOf !== null) await verifyRenamed(deployment, items);
    await record.log(`${items.length} names swapped`);
    const isView = ({ planned }: Work) => planned.way === "view";
    found.views = await verifyViews(deployment.client, (found.staging?.work ?? []).filter(isView));
  },

  /** The restored collections, which were live for a while, are handled later (retained/rejected.ts). */
  async undo({ context, record, found: { items } }) {
    if (items.length === 0) return;
    await using own = await context.connect(new AbortController().signal);
    await untilIdle(own.client, namesOf(items), RENAME_WAIT);
    await markRejected(own, record.id, items);
    await carryOutSwap(swapContext(context, own, record, "swap-back"), items.map(reversed));
    await verifyRenamed(own, items.map(reversed));
  },
};

/**
 * A rename whose connection was closed may still wait on the server for a transaction that holds the collection (a
 * minute at most, unless the server is set otherwise), and would be made after the undo has looked at the names.
 */
const RENAME_WAIT = { waitMs: 90_000, looks: 3, ofOthers: false } as const;

function namesOf(items: readonly SwapItem[]): Set<string> {
  const names = items.flatMap(({ database, name, old, new: next }) => [
    `${database}.${name}`,
    ...[old, next].flatMap((s) => (s.kind === "collection" ? [`${database}.${s.parked}`] : [])),
  ]);
  return new Set(names);
}

function swapContext(
  context: JobContext,
  deployment: Deployment,
  record: RestoreRecord,
  step: SwapContext["step"],
): SwapContext {
  const { emit } = context;
  const limit = lockLimit(context, deployment, step === "swap" ? "once" : "until done");
  const onIntruder = (namespace: string, retained: string) => {
    const message = `somebody created ${namespace} while it was being replaced: what was written is kept as ${retained}`;
    warn(emit, "written-meanwhile", message);
  };
  const { client } = deployment;
  return { client, restoreId: record.id, record, step, lockLimit: limit, onIntruder };
}
