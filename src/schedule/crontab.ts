// The user's crontab, read and replaced through the program crontab. Writes only changes, and reads them back.
import { execFile } from "node:child_process";
import { KeepError } from "../errors.ts";

export interface Crontab {
  /**
   * Output of `crontab -l`, as latin1; empty if the user has no crontab. For reading only, not for writing back. Throws
   * failed: no crontab program, or not allowed.
   */
  show(): Promise<string>;
  /** Its exact bytes, as latin1. */
  read(): Promise<string>;
  /** Replaces everything; an empty text removes the crontab. Throws failed if the program does not store it. */
  write(text: string): Promise<void>;
}

const TIMEOUT_MS = 20_000;
const LARGEST = 1 << 24;

/** Debian's `crontab -l` prints a carriage return and a backspace as these two characters. */
const AMBIGUOUS = /\\[rb]/;

/** `program` is found on PATH. */
export function openCrontab(program = "crontab"): Crontab {
  const show = async () => {
    const { code, stdout, stderr } = await run([program, "-l"], "");
    if (code === 0) return stdout;
    // Messages of Vixie cron and cronie (first) and busybox (second).
    if (/no crontab for|can't open .*no such file/is.test(stderr)) return "";
    throw failure("cannot read the crontab", stderr);
  };
  const read = async () => {
    const shown = await show();
    if (!AMBIGUOUS.test(shown)) return shown;
    // Writing back the printed form would change foreign lines. An editor gets the exact bytes; cat prints them.
    const argv = ["env", "VISUAL=cat", "EDITOR=cat", program, "-e"] as const;
    const { code, stdout, stderr } = await run(argv, "");
    if (code !== 0) throw failure("cannot read the crontab exactly", stderr);
    return stdout;
  };
  return {
    show,
    read,
    async write(text) {
      const { code, stderr } = await run([program, text === "" ? "-r" : "-"], text);
      if (code !== 0) throw failure("cannot write the crontab", stderr);
      if ((await read()) === text) return;
      throw new KeepError("failed", "the crontab does not hold what was just written to it", {
        hint: "Look at it with crontab -l: another program may be changing it. Then run this again.",
      });
    },
  };
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(argv: readonly [string, ...string[]], input: string): Promise<Ended> {
  const [program, ...rest] = argv;
  return new Promise((resolve, reject) => {
    const options = { encoding: "latin1", timeout: TIMEOUT_MS, maxBuffer: LARGEST } as const;
    const child = execFile(program, rest, options, (error, stdout, stderr) => {
      if (error?.code === "ENOENT") reject(missing(error));
      else if (error && typeof error.code !== "number")
        reject(failure("crontab did not end", error.message));
      else resolve({ code: child.exitCode, stdout, stderr });
    });
    // EPIPE: it ended without reading; its exit status says why.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input, "latin1");
  });
}

function missing(cause: Error): KeepError {
  return new KeepError("failed", "the program crontab is not installed", {
    hint: "Install cron (sudo apt-get install cron), or use --systemd.",
    cause,
  });
}

function failure(what: string, said: string): KeepError {
  const line = said.trim().split("\n").at(-1) ?? "";
  return new KeepError("failed", line === "" ? what : `${what}: ${line}`, {
    hint: "Check that this user may use crontab (/etc/cron.allow, /etc/cron.deny).",
  });
}
