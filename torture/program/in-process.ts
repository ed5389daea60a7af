// The command line without a process: argv in, exit code and output out. It is the same code from argv to the last
// line, so that thousands of runs need no process start each; signals and streams are not included.
import { toKeepError } from "../../src/errors.ts";
import { createOutput } from "../../src/cli/output.ts";
import { guessCommand, parseCommandLine } from "../../src/cli/program.ts";
import { runCommand } from "../../src/cli/run.ts";
import { createStandardStream } from "../../src/cli/standard-stream.ts";

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The progress line of a terminal, each time that it was drawn. */
  readonly progress: readonly string[];
}

/** @throws nothing that a user would not see as a failure of mongokeep itself (code `internal`). */
export async function runInProcess(argv: readonly string[], envFile: string): Promise<Said> {
  const said = { stdout: "", stderr: "", progress: [] as string[] };
  const stream = (name: "stdout" | "stderr") =>
    createStandardStream((bytes) => {
      const text = bytes.toString();
      if (text.startsWith("\r")) said.progress.push(text);
      else said[name] += text;
      return bytes.length;
    });
  const flags = Object.fromEntries(
    ["json", "quiet", "verbose"].map((name) => [name, argv.includes(`--${name}`)]),
  );
  const streams = {
    stdout: stream("stdout"),
    stderr: stream("stderr"),
    terminal: { columns: 200 },
  };
  const output = createOutput(flags, streams);
  const signal = new AbortController().signal;
  let code: number;
  try {
    const parsed = parseCommandLine([...argv, "--env-file", envFile]);
    if (parsed.kind === "text") throw new Error(`no command: ${argv.join(" ")}`);
    code = await runCommand(parsed, { signal, watch: () => undefined, output });
  } catch (thrown) {
    const error = toKeepError(thrown);
    output.fail(guessCommand(argv), error);
    code = error.exitCode;
  }
  return { code, ...said };
}
