// A restore as its restoration log has it: how it begins and ends, what it warns of, why it fails.
import { join } from "node:path";
import { KeepError, toKeepError } from "../../../errors.ts";
import type { Emit } from "../../../events.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { endAttempt } from "../../../restore/record/attempt.ts";
import { bestEffort } from "../../../restore/record/record-file.ts";
import type { RestoreRecord } from "../../../restore/record/record.ts";
import { causesOf, planLines, alsoLogged } from "../../../restore/record/restore-log.ts";
import type { JobContext } from "../../context.ts";
import type { Outcome } from "./result.ts";
import type { RestoreOrder } from "../plan/order.ts";

/**
 * Acts with a context whose warnings are in the log too, and closes the record. A failure is in the log,
 * and says where that is.
 */
export async function underRecord<T>(
  context: JobContext,
  record: RestoreRecord,
  act: (context: JobContext) => Promise<T>,
): Promise<T> {
  const lenient = bestEffort(record, context.emit);
  await endAttempt(context.settings.backupDir);
  const settling = createSettling(context.emit);
  try {
    return await act({ ...context, emit: alsoLogged(record, settling.emit) });
  } catch (error) {
    const failure = withLog(toKeepError(error), record);
    await lenient.log(`FAILED (${failure.code}): ${failure.message}`, causesOf(failure));
    throw failure;
  } finally {
    await lenient.close();
    settling.end();
  }
}

/**
 * From the first change of live data until the record is closed a signal waits: the service, the expiry and the
 * record belong to the change (cli/signals.ts).
 */
function createSettling(emit: Emit): { readonly emit: Emit; end(): void } {
  let begun = false;
  return {
    emit: (event) => {
      if (
        !begun &&
        event.kind === "step" &&
        (event.step === "live-change" || event.step === "undo")
      ) {
        begun = true;
        emit({ kind: "step", step: "settle", state: "begin" });
      }
      emit(event);
    },
    end: () => {
      if (begun) emit({ kind: "step", step: "settle", state: "end" });
    },
  };
}

/** A person at 2 a.m. wants to know where it says more. */
function withLog(error: KeepError, record: RestoreRecord): KeepError {
  const log = join(record.path, "restore.log");
  return new KeepError(error.code, error.message, {
    hint: `${error.hint}\nThe restoration log: ${log}`,
    details: { ...error.details, restoreId: record.id, log },
    cause: error.cause,
  });
}

export async function logBegin(
  { version, settings }: JobContext,
  { server }: Deployment,
  { plan, rollbackOf }: RestoreOrder,
  record: RestoreRecord,
): Promise<void> {
  const what =
    rollbackOf === null
      ? `restore ${record.id}`
      : `restore ${record.id}, which undoes ${rollbackOf},`;
  const where = `MongoDB ${server.version} (${server.topology}) at ${settings.hosts.join(", ")}`;
  await record.log(
    `${what} of ${plan.backup ?? "nothing"} begins: mongokeep ${version}, ${where}`,
    planLines(plan),
  );
}

export async function logEnd(record: RestoreRecord, outcome: Outcome): Promise<void> {
  const { collections, serviceDownSeconds, setAside, safetyBackup } = outcome;
  const down = serviceDownSeconds === null ? [] : [`service down: ${serviceDownSeconds} s`];
  const retained = setAside.map(
    (one) =>
      `retained: ${JSON.stringify(one.namespace)} as ${one.collection}, ${one.documents ?? "?"} documents, ${one.inBackup ? "all of them in the safety backup" : "some of them in no backup"}`,
  );
  await record.log(`restore done: ${collections.length} collections and views`, [
    ...down,
    ...retained,
    `safety backup: ${safetyBackup ?? "none"}`,
    `to undo it: mongokeep rollback ${record.id} --confirm`,
  ]);
}
