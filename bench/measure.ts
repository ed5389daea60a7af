// Runs one program to its end and says how long it took and how much memory it held at its peak.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

export interface Measured {
  readonly seconds: number;
  /** Greatest resident memory, from the kernel's own high-water mark; null without /proc. */
  readonly peakMegabytes: number | null;
  readonly stdout: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

const SAMPLE_MS = 10;

/** Throws when the program fails, with what it said. */
export async function measure(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<Measured> {
  const start = performance.now();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { PATH: process.env.PATH, LANG: process.env.LANG, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
  let peakKilobytes = 0;
  // The mark only ever rises, so that only what happens after the last sample is missed.
  const sampling = setInterval(() => {
    peakKilobytes = Math.max(peakKilobytes, readPeakKilobytes(child.pid));
  }, SAMPLE_MS);
  const [code] = (await once(child, "close")) as [number | null];
  const seconds = (performance.now() - start) / 1000;
  clearInterval(sampling);
  if (code !== 0) {
    throw new Error(
      `${command} ${args.join(" ")} ended with ${code}\n${said.stdout}${said.stderr}`,
    );
  }
  const peakMegabytes = peakKilobytes > 0 ? (peakKilobytes * 1024) / 1e6 : null;
  return { seconds, peakMegabytes, stdout: said.stdout };
}

function readPeakKilobytes(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid ?? 0}/status`, "utf8");
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0);
  } catch {
    // No /proc on this system, or the process has just ended: no sample.
    return 0;
  }
}

/** The middle one; of an even number the lower of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? NaN;
}

export function describeMachine(): string {
  const total = Number(/MemTotal:\s+(\d+)/.exec(readOptional("/proc/meminfo"))?.[1] ?? 0);
  const memory = total > 0 ? `, ${(total / 1024 / 1024).toFixed(0)} GiB of memory` : "";
  const model = /model name\s*:\s*(.*)/.exec(readOptional("/proc/cpuinfo"))?.[1];
  return `${availableParallelism()} cores${model === undefined ? "" : ` (${model})`}${memory}, Node ${process.version}`;
}

function readOptional(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
