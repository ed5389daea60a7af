// The transaction of an interrupted restore, as its record tells it.
import type { Deployment } from "../../../mongo/deployment.ts";
import { expiryIn } from "../../../restore/load/recorded-expiry.ts";
import { leftStopped, protectedBy } from "../../../restore/record/record-state.ts";
import type { RestoreRecord, StoredRecord } from "../../../restore/record/record.ts";
import type { JobContext } from "../../context.ts";
import type { RestoreOrder } from "../plan/order.ts";
import { nothingFound } from "./phase.ts";
import type { Transaction } from "./phase.ts";

/** What the caller gives; the record has the rest. */
export interface Taken {
  readonly deployment: Deployment;
  readonly record: RestoreRecord;
  readonly order: Omit<RestoreOrder, "leftStopped" | "skipPreBackup" | "protectOnly">;
}

export function fromRecord(context: JobContext, stored: StoredRecord, taken: Taken): Transaction {
  const { entries, swap, state } = stored;
  const safetyBackup = protectedBy(entries);
  const isStaged = taken.order.plan.mode === "staged";
  return {
    ...taken,
    context,
    // Both backups were made, or declined, when it was begun.
    order: {
      ...taken.order,
      ...{ leftStopped: leftStopped(entries), skipPreBackup: true, protectOnly: null },
    },
    at: state,
    found: {
      ...nothingFound(),
      ...{ isLive: state === "broken", staging: null, safetyBackup },
      expiring: expiryIn(entries),
      inPlaceBackup: isStaged ? protectedBy(entries, "in-place") : safetyBackup,
      // Before the first live change no name was swapped: what has these names now is not from this restore.
      items: state === "untouched" ? [] : (swap ?? []),
    },
  };
}
