// The phase that drops and loads what no rename can replace: time series, and with --in-place all collections. Its undo
// loads the state from before out of the safety backup.
import { warn } from "../../../events.ts";
import { join } from "node:path";
import { openBackup } from "../../../archive/reader.ts";
import type { OpenedBackup } from "../../../archive/opened.ts";
import { KeepError } from "../../../errors.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { databasesWithAccounts } from "../../../restore/load/account-files.ts";
import { applyInPlace, prepareInPlace } from "../../../restore/load/in-place.ts";
import { inspectLive } from "../../../restore/plan/live.ts";
import { planRestore } from "../../../restore/plan/plan.ts";
import type { RestoreMode, RestorePlan } from "../../../restore/plan/plan.ts";
import { readRecord } from "../../../restore/record/read-record.ts";
import { withoutJournal } from "../../../restore/record/record-file.ts";
import { protectedBy } from "../../../restore/record/record-state.ts";
import type { RestoreRecord, Step, StoredRecord } from "../../../restore/record/record.ts";
import { untilIdle } from "../../../restore/swap/staged.ts";
import type { JobContext } from "../../context.ts";
import { toSource } from "../plan/sources.ts";
import { lockLimit } from "./await-clear.ts";
import type { Phase } from "./phase.ts";
import { inPlacePart } from "./safety-backup.ts";
import { checkOfRollback, definitionCheck } from "./verify-definitions.ts";

export const inPlace: Phase = {
  async prepare({ context, deployment, order, found }) {
    const part = inPlacePart(order.plan);
    if (part === null) return;
    const { emit, signal } = context;
    found.ready = await prepareInPlace(deployment, order.backup, part, {
      ...{ emit, signal, lockLimit: lockLimit(context, deployment, "once") },
      ...(order.createLoader && { createLoader: order.createLoader }),
      ...checkOfRollback(order, deployment, signal),
    });
  },

  async do({ context, record, order, at, found }) {
    const part = inPlacePart(order.plan);
    if (part !== null && at !== "start") await announce(context, record, part);
    found.inPlace = (await found.ready?.apply(record)) ?? null;
  },

  async undo({ context, order, record, found }) {
    const part = inPlacePart(order.plan);
    if (part === null || !(await hasBegun(context, record.id, part))) return;
    const lost = found.inPlaceBackup === null ? replacedBy(part) : [];
    if (lost.length > 0) throw lostWithoutBackup(lost);
    const { signal } = new AbortController();
    await using own = await context.connect(signal);
    const { backupDir } = context.settings;
    const id = found.inPlaceBackup;
    const before = id === null ? null : await openBackup(join(backupDir, id), context.place);
    await untilIdle(own.client, new Set(namesIn(part)), LOAD_WAIT);
    const back = await planUndo(own, before, part, signal);
    found.inPlace = await applyInPlace(own, before, back, withoutJournal(record), {
      ...{ emit: context.emit, signal, verifyDefinitions: definitionCheck(own, signal) },
      lockLimit: lockLimit(context, own, "until done"),
    });
  },
};

/** An insert whose connection was closed may still be made, and would create again what the undo has dropped. */
const LOAD_WAIT = { waitMs: 30_000, looks: 3, ofOthers: false } as const;

/** Names the collections that cannot be brought back. They stay as they are. */
const lostWithoutBackup = (namespaces: readonly string[]) =>
  new KeepError(
    "failed",
    `${namespaces.join(", ")}: replaced in place, and there is no safety backup (--skip-pre-backup)`,
    { details: { differences: namespaces } },
  );

/**
 * A resumed restore goes on if its record cannot be written, except for this part: a later undo would think that
 * nothing was dropped. @throws KeepError backup-dir
 */
async function announce(
  context: JobContext,
  record: RestoreRecord,
  part: RestorePlan,
): Promise<void> {
  const [namespace = ""] = namesIn(part);
  await record.journal({ step: "drop", state: "begin", namespace });
  if (await hasBegun(context, record.id, part)) return;
  throw new KeepError(
    "backup-dir",
    `${namesIn(part).join(", ")} cannot be replaced in place while the record ${record.path} cannot be written`,
    { hint: "Make that folder writable, with room on its disk." },
  );
}

const namesIn = ({ collections, remove }: RestorePlan): string[] => [
  ...remove,
  ...collections.map((c) => c.namespace),
];

/** Whether this part had begun. If not, the collections have their old state, or newer data. */
async function hasBegun(
  { settings }: JobContext,
  restoreId: string,
  part: RestorePlan,
): Promise<boolean> {
  // A record that cannot be read counts as begun.
  const stored = await readRecord(settings.backupDir, restoreId).catch(() => null);
  if (stored === null) return true;
  return hasBegunIn(stored, part);
}

function hasBegunIn({ entries }: Pick<StoredRecord, "entries">, part: RestorePlan): boolean {
  const names = new Set(namesIn(part));
  const steps: readonly Step[] = ["drop", "create", "load"];
  return entries.some((e) => names.has(e.namespace ?? "") && steps.includes(e.step));
}

/** Call before a plan is shown, and before an interrupted restore is carried on or undone. */
export function warnDroppedAgain(
  { emit }: JobContext,
  stored: StoredRecord,
  how: "resumed" | "undone",
): void {
  const part = inPlacePart(stored.recorded.plan);
  if (stored.state !== "broken" || part === null || !hasBegunIn(stored, part)) return;
  const isHeld = protectedBy(stored.entries, "in-place") !== null;
  // Then nothing of it is dropped (lostWithoutBackup).
  if (how === "undone" && !isHeld && replacedBy(part).length > 0) return;
  warn(
    emit,
    "half-restored-dropped",
    `what was half restored is dropped when the restore is ${how}, and nothing keeps what was written to it since the restore was interrupted: ${namesIn(part).join(", ")}. To have that in a backup, make one first: mongokeep backup --manual`,
  );
}

const replacedBy = ({ collections, remove }: RestorePlan): string[] => [
  ...collections.filter((c) => c.action === "replace").map((c) => c.namespace),
  ...remove,
];

/** Plans to load from `before` what `plan` replaced or removed, and to drop what it created. */
export async function planUndo(
  deployment: Deployment,
  before: OpenedBackup | null,
  plan: RestorePlan,
  signal: AbortSignal,
  mode: RestoreMode = "in-place",
): Promise<RestorePlan> {
  const touched = new Set(replacedBy(plan));
  const names = [...touched, ...plan.collections.map((c) => c.namespace)];
  const databases = [...new Set(names.map((name) => name.slice(0, name.indexOf("."))))];
  return planRestore({
    backup: before?.id ?? null,
    source: toSource(before).filter((n) => touched.has(`${n.database}.${n.name}`)),
    live: await inspectLive(deployment, databases, signal),
    mode,
    remove: plan.collections.filter((c) => c.action === "create").map((c) => c.namespace),
    accountsOf: before && plan.usersOf.length > 0 ? await databasesWithAccounts(before) : [],
  });
}
