// How the demonstration speaks: headed steps, short sentences, commands with their real output.
// Colours only where the output is a terminal (styleText looks).
import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { styleText } from "node:util";

const MAIN = resolve(import.meta.dirname, "../src/cli/main.ts");
const WIDTH = 78;

export interface Project {
  /** Where the .env lies and the commands run. */
  readonly folder: string;
  /** A home of the demonstration's own: nothing of the user's is touched. */
  readonly home: string;
}

let steps = 0;

export function heading(text: string): void {
  steps += 1;
  const title = `${steps}  ${text} `;
  write(
    `\n${styleText(["bold", "cyan"], title)}${styleText("dim", "─".repeat(WIDTH - title.length))}\n`,
  );
}

/** A sentence of the narrator. */
export function say(text: string): void {
  write(`${text}\n`);
}

/** One thing that was proved. */
export function check(text: string): void {
  write(`${styleText("green", "✔")} ${text}\n`);
}

/** Facts in two columns. */
export function facts(rows: readonly (readonly [string, string])[]): void {
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, value] of rows) write(`  ${styleText("dim", name.padEnd(width))}  ${value}\n`);
}

export class DemoFailure extends Error {
  override readonly name = "DemoFailure";
}

/**
 * Shows the command as a user types it, runs it, lets its output through as it comes.
 * Throws when it ends with another code than the expected one.
 */
export async function mongokeep(
  project: Project,
  args: readonly string[],
  expectedCode = 0,
): Promise<void> {
  await run(project, args, "inherit", expectedCode);
}

/** The same for a command with --json: its output is not shown, but given back. */
export async function mongokeepJson<T>(project: Project, args: readonly string[]): Promise<T> {
  return JSON.parse(await run(project, args, "pipe", 0)) as T;
}

async function run(
  project: Project,
  args: readonly string[],
  output: "inherit" | "pipe",
  expectedCode: number,
): Promise<string> {
  const shown = args.map((arg) => (/[^\w./:=@-]/.test(arg) ? `"${arg}"` : arg)).join(" ");
  write(`\n${styleText("dim", "$")} ${styleText("bold", `mongokeep ${shown}`)}\n`);
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: project.folder,
    env: environmentFor(project),
    stdio: ["ignore", output, "inherit"],
  });
  const chunks: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  if (code !== expectedCode) {
    const how = code ?? signal ?? "nothing";
    throw new DemoFailure(`mongokeep ${shown} ended with ${how}, expected ${expectedCode}`);
  }
  return Buffer.concat(chunks).toString();
}

/** What the terminal looks like may pass; settings of the user's own must not. */
function environmentFor({ home }: Project): Record<string, string | undefined> {
  const { PATH, LANG, TERM, COLORTERM, COLUMNS, NO_COLOR, FORCE_COLOR, TZ } = process.env;
  return { PATH, LANG, TERM, COLORTERM, COLUMNS, NO_COLOR, FORCE_COLOR, TZ, HOME: home };
}

function write(text: string): void {
  process.stdout.write(text);
}
