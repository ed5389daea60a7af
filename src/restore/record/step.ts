// One journalled step of a restore on a namespace, with what came of it in the restoration log.
import { KeepError } from "../../errors.ts";
import { explain } from "./restore-log.ts";
import type { JournalEntry, RestoreRecord, Step } from "./record.ts";
import type { RestoreContext } from "../restore-context.ts";

/** What all that is recorded needs. */
export interface Recorded {
  readonly record: RestoreRecord;
  readonly context: RestoreContext;
}

export interface StepOn {
  readonly name: Step;
  /** As people know it. */
  readonly namespace: string;
  /** What the collection is called meanwhile: the server's errors name that, ours what people know. */
  readonly target?: { readonly name: string };
}

/** What came of a step: in a few words for the log, and as facts for the journal. */
export interface Result<T> {
  readonly words?: (value: T) => string;
  readonly facts?: (value: T) => Partial<JournalEntry>;
}

/** Journals, acts, journals again. A failure is journalled and logged in full, then thrown. */
export async function step<T>(
  { record, context }: Recorded,
  { name, namespace, target }: StepOn,
  act: () => Promise<T>,
  { words = () => "", facts = () => ({}) }: Result<T> = {},
): Promise<T> {
  context.signal.throwIfAborted();
  const began = performance.now();
  await record.journal({ step: name, state: "begin", namespace });
  try {
    const value = await act();
    await record.journal({ step: name, state: "done", namespace, ...facts(value) });
    const said = [words(value), secondsSince(began)].filter((part) => part !== "").join(", ");
    await record.log(`${name} ${JSON.stringify(namespace)} done: ${said}`);
    return value;
  } catch (error) {
    const told = target ? named(error, target.name, namespace) : error;
    const message = told instanceof Error ? told.message : String(told);
    await record.journal({ step: name, state: "failed", namespace, message });
    await record.log(`${name} ${JSON.stringify(namespace)} FAILED: ${message}`, explain(told));
    throw told;
  }
}

const secondsSince = (began: number) => `${((performance.now() - began) / 1000).toFixed(1)} s`;

/** The error with the collection's real name in place of the one that it has while it is built. */
function named(error: unknown, meanwhile: string, namespace: string): unknown {
  const name = namespace.slice(namespace.indexOf(".") + 1);
  if (!(error instanceof KeepError) || meanwhile === name) return error;
  const translate = (text: string) => text.replaceAll(meanwhile, name);
  const details = Object.fromEntries(
    Object.entries(error.details).map(([key, value]): [string, typeof value] => {
      if (typeof value === "string") return [key, translate(value)];
      return [key, Array.isArray(value) ? (value as string[]).map(translate) : value];
    }),
  );
  return new KeepError(error.code, translate(error.message), {
    hint: error.hint,
    details: { ...details, stagedAs: meanwhile },
    cause: error.cause,
  });
}
