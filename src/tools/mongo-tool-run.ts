// Runs mongodump or mongorestore to its end, and reports failures like the rest of mongokeep. What must stay true: the
// file with the URI is gone when this returns, however it returns.
import { KeepError } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";
import { describeEnd, execute } from "../util/exec.ts";
import type { Secret } from "../util/secret.ts";
import { openSecretFile } from "../util/secret-file.ts";
import { toolConfig } from "./mongo-tools.ts";
import type { MongoTool } from "./mongo-tools.ts";

/** Longer than any dump takes; the user or the disk watch ends one sooner. (A timer is limited to 24 days.) */
const TIMEOUT_MS = 20 * 24 * 3_600_000;

/** After the first signal they wait for outstanding server replies, and they have nothing to save. */
const GRACE_MS = 1_000;

export interface ToolRun {
  /** Without a database, which they would dump. */
  readonly uri: Secret;
  /** Receives the path of the file for --config. */
  readonly args: (config: string) => readonly string[];
  readonly signal: AbortSignal;
  /** Each line of output, without its time. */
  readonly onLine?: (line: string) => void;
  readonly stdin?: AsyncIterable<Uint8Array>;
  /** Removes from the output what must not be shown: values of a refused document. */
  readonly clean?: (said: string) => string;
}

/** @throws KeepError login-failed, rights-missing, unreachable, disk-full, server-error */
export async function runMongoTool(tool: MongoTool, run: ToolRun): Promise<void> {
  const { signal, onLine = () => undefined } = run;
  await using config = await openSecretFile(toolConfig(run.uri));
  const lines = splitLines(onLine);
  let spoke = false;
  const onStderr = (text: string) => {
    // They read the file before their first output: from here on it is not needed.
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

/** Lines from pieces; progress bars also end in a line break. */
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
