// Runs mongodump or mongorestore to its end, and says what went wrong as the rest of mongokeep does.
// What must stay true: the file with the URI is gone when this returns, in whatever way it returns.
import { KeepError } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";
import { describeEnd, execute } from "../util/exec.ts";
import type { Secret } from "../util/secret.ts";
import { openSecretFile } from "../util/secret-file.ts";
import { toolConfig } from "./mongo-tools.ts";
import type { MongoTool } from "./mongo-tools.ts";

/** Longer than any dump takes; the person or the disk watch ends one sooner. (A timer's longest is 24 days.) */
const TIMEOUT_MS = 20 * 24 * 3_600_000;

/** They answer the first signal by waiting for what the server still owes them, and have nothing to save. */
const GRACE_MS = 1_000;

export interface ToolRun {
  /** Without a database, which they would take for one to dump. */
  readonly uri: Secret;
  /** Gets the path of the file for --config. */
  readonly args: (config: string) => readonly string[];
  readonly signal: AbortSignal;
  /** Each line that it says, without its time. */
  readonly onLine?: (line: string) => void;
  readonly stdin?: AsyncIterable<Uint8Array>;
  /** Takes out of what it said what must not be shown: a refused document's values. */
  readonly clean?: (said: string) => string;
}

/** @throws KeepError login-failed, rights-missing, unreachable, disk-full, server-error */
export async function runMongoTool(tool: MongoTool, run: ToolRun): Promise<void> {
  const { signal, onLine = () => undefined } = run;
  await using config = await openSecretFile(toolConfig(run.uri));
  const lines = splitLines(onLine);
  let spoke = false;
  const onStderr = (text: string) => {
    // They read the file before they say anything: from here on nobody needs it, whatever becomes of us.
    if (!spoke) void config[Symbol.asyncDispose]().then(undefined, () => undefined);
    spoke = true;
    lines.add(text);
  };
  const result = await execute([tool, ...run.args(config.path)], {
    timeoutMs: TIMEOUT_MS,
    signal,
    onStderr,
    endsWithUs: true,
    graceMs: GRACE_MS,
    ...(run.stdin && { stdin: run.stdin }),
  });
  lines.end();
  if (result.ok) return;
  const said = run.clean?.(result.stderrTail) ?? result.stderrTail;
  const stderrTail = said.replace(/^\d{4}-\d\d-\d\dT\S+\t/gm, "");
  throw new KeepError(causeOf(stderrTail), `${tool} ${describeEnd({ ...result, stderrTail })}`, {
    details: { tool },
  });
}

const CAUSES: readonly (readonly [RegExp, ErrorCode])[] = [
  [/auth(entication)? (error|failed)|AuthenticationFailed|unable to authenticate/i, "login-failed"],
  [/not authorized|requires authentication|\bUnauthorized\b/i, "rights-missing"],
  [/no space left on device|disk quota exceeded/i, "disk-full"],
  [/no reachable servers|server selection|connection refused|could not connect/i, "unreachable"],
];

function causeOf(said: string): ErrorCode {
  return CAUSES.find(([pattern]) => pattern.test(said))?.[1] ?? "server-error";
}

const TIME = /^\d{4}-\d\d-\d\dT\S+\t/;

/** Lines out of pieces; progress bars end in a line break, too. */
function splitLines(tell: (line: string) => void) {
  let rest = "";
  return {
    add: (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) tell(line.replace(TIME, ""));
    },
    end: () => {
      if (rest !== "") tell(rest.replace(TIME, ""));
    },
  };
}
