// Ends work that only computes: neither a signal nor a timer gets a word in while a regular expression backtracks.
import { createContext, Script } from "node:vm";
import type { Context } from "node:vm";

export class TimeLimitError extends Error {}

const CALL = new Script("work()");
/** One for all calls: a new one costs a millisecond. */
const sandbox: { work?: () => unknown } = {};
let context: Context | undefined;

/** What `work` gives. @throws TimeLimitError after `limitMs`; what `work` throws */
export function withTimeLimit<T>(limitMs: number, work: () => T): T {
  context ??= createContext(sandbox);
  sandbox.work = work;
  try {
    // V8 can end a script from another thread, and all that it calls.
    return CALL.runInContext(context, { timeout: limitMs }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    throw new TimeLimitError(`it took more than ${limitMs} ms`);
  }
}
