// What the oplog of a backup does to the plan of its restore: read once before anything is planned, so that
// what it makes is protected, named and checked like everything else.
import type { OpenedBackup } from "../../../archive/opened.ts";
import { hasOwnForm } from "../../../mongo/own-collections.ts";
import { readEntries } from "../../../oplog/read-entries.ts";
import { scanOplog } from "../../../oplog/scan.ts";
import type { NamedKind } from "../../../oplog/scan.ts";
import type { RequestedOplog, SourceNamespace } from "../../../restore/plan/plan.ts";
import { chooserOf } from "../../../restore/plan/select.ts";
import type { Selection } from "../../../restore/plan/select.ts";
import { isServersOwn } from "./sources.ts";
import type { JobContext } from "../../context.ts";

export interface OplogForPlan {
  /** What only the oplog makes, to be planned like the backup's own collections. */
  readonly source: readonly SourceNamespace[];
  readonly oplog: RequestedOplog;
  /** A name becomes another kind of thing: staging keeps the kinds apart, and cannot do that. */
  readonly changesKinds: boolean;
}

/**
 * null: the backup has none.
 * @throws KeepError not-in-this-version, usage, damaged: where the log cannot be replayed for this selection
 */
export async function readOplogForPlan(
  { signal }: Pick<JobContext, "signal">,
  backup: OpenedBackup,
  source: readonly SourceNamespace[],
  selection: Selection,
): Promise<OplogForPlan | null> {
  if (!backup.oplog) return null;
  const { consistency } = backup.manifest ?? {};
  const span = consistency?.mode === "oplog" ? consistency : null;
  const [from, to] = [span?.from ?? null, span?.to ?? null];
  const choose = chooserOf(selection);
  const chosen = source.filter((one) => choose(one) !== null);
  const backedUp = new Set(chosen.map(({ database, name }) => `${database}.${name}`));
  const databases = new Set(chosen.map(({ database }) => database));
  const scan = await scanOplog(readEntries(backup.oplog, signal), {
    initial: chosen.map(({ database, name, type }) => ({ database, name, type })),
    ...{ from, to, signal },
    isRestored: (database, name) =>
      !isServersOwn({ database, name }) &&
      // What restores kept beside the live data meanwhile is in no backup.
      (!hasOwnForm(name) || backedUp.has(`${database}.${name}`)) &&
      choose({ database, name }) !== null,
    mayPass: (database) => databases.has(database),
  });
  const targetOf = ({ database, name }: NamedKind) =>
    choose({ database, name }) ?? { database: selection.rename.get(database) ?? database, name };
  return {
    source: scan.made.map(sourceOf),
    oplog: {
      ...{ from, to },
      passing: scan.passing.map((one) => ({
        source: { database: one.database, name: one.name },
        type: one.type,
        database: targetOf(one).database,
      })),
      removes: scan.removed.map(targetOf).map(({ database, name }) => `${database}.${name}`),
    },
    changesKinds: scan.changed.length > 0,
  };
}

function sourceOf({ database, name, type }: NamedKind): SourceNamespace {
  const unknown = { documents: null, rawBytes: null, contentHash: null, indexes: null };
  return { database, name, type, ...unknown, fromOplog: true };
}
