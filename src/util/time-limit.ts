// Ends code that only computes: neither a signal nor a timer can interrupt a regular expression that backtracks.
import { createContext, Script } from "node:vm";
import type { Context } from "node:vm";

export class TimeLimitError extends Error {}

const CALL = new Script("work()");
/** One for all calls, because a new one costs a millisecond. */
const sandbox: { work?: () => unknown } = {};
let context: Context | undefined;

/** The result of `work`. @throws TimeLimitError after `limitMs`; whatever `work` throws */
export function withTimeLimit<T>(limitMs: number, work: () => T): T {
  context ??= createContext(sandbox);
  sandbox.work = work;
  try {
    // V8 can end a script, with everything that it calls, from another thread.
    return CALL.runInContext(context, { timeout: limitMs }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    throw new TimeLimitError(`it took more than ${limitMs} ms`);
  }
}
