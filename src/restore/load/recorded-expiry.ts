// What expires of what a restore staged, as its journal has it: `restore --resume` sets it with nothing but the record.
// The backup's files do not tell it where an oplog was replayed, and may be gone by then.
import type { JournalEntry, RecordedExpiry } from "../record/record.ts";
import { splitNamespace } from "../plan/select.ts";
import type { Defined } from "../restore-context.ts";
import { optionsBytes, optionsText } from "../swap/standings.ts";
import { hasExpiry } from "./expiry.ts";
import type { Work } from "./load-collections.ts";

/** Call when all was staged: an oplog may have changed what expires. */
export function recordedExpiry(work: readonly Work[]): RecordedExpiry[] {
  return work.flatMap(({ planned, metadata }) =>
    metadata && planned.way === "swap" && hasExpiry({ metadata })
      ? [
          {
            namespace: planned.namespace,
            options: optionsText(metadata.options),
            indexes: metadata.indexes.map(optionsText),
          },
        ]
      : [],
  );
}

/** null: the record is of an earlier version, or the line that has it cannot be read. */
export function expiryIn(entries: readonly JournalEntry[]): Defined[] | null {
  const staged = entries.findLast(({ step, state }) => step === "stage" && state === "done");
  return staged?.expiring?.map(toDefined) ?? null;
}

function toDefined({ namespace, options, indexes }: RecordedExpiry): Defined {
  const { database, name } = splitNamespace(namespace);
  const type = "collection";
  return {
    planned: { namespace, database, name, type },
    metadata: {
      ...{ collectionName: name, type, uuid: null },
      options: optionsBytes(options),
      indexes: indexes.map(optionsBytes),
    },
  };
}
