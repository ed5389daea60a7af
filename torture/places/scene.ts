// A folder for backups and its surroundings, with mongokeep run there: any change outside of the folder is a fault.
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { lstat, mkdir, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import type { Cleanup } from "../../tests/support/temporary.ts";
import { formatEnv } from "../../tests/support/workspace.ts";
import { BUILT } from "../program/attack.ts";
import type { Commander } from "../program/commander.ts";

const execute = promisify(execFile);
/** Far more than any of it takes: what is not back by then waits for something that never comes. */
export const HANGS_MS = 60_000;
/** Nobody: a user that owns nothing here. */
export const OTHER_USER = 65_534;

export interface Ran {
  /** null where it had to be killed. */
  readonly code: number | null;
  /** What --json says went wrong; null where nothing did. */
  readonly error: string | null;
  /** Both streams, for a message. */
  readonly shown: string;
}

/** Path → what is there. */
export type Picture = Readonly<Record<string, string>>;

export interface Scene {
  /** A good backup lies in it, and it is a plain private folder, until a row changes that. */
  readonly backups: string;
  /** What nothing may be written to: a whole copy of the backup, and other files. */
  readonly outside: string;
  readonly id: string;
  at(...names: string[]): string;
  /** With $ROOT, $B for the folder of backups, $OUT for what lies outside, $ID of the backup. */
  sh(script: string): Promise<void>;
  /** Instead of `backups`, as the value of BACKUP_DIR. */
  useDir(path: string): void;
  /** Before the command line: another user, a mount namespace. */
  runUnder(prefix: readonly string[]): void;
  /** What may be written to beside `backups`. */
  allow(path: string): void;
  /** BACKUP_DIR neither, from now on. */
  forbid(): void;
  run(args: readonly string[]): Promise<Ran>;
  /** Everything beside the allowed places: names, kinds, modes, owners, times, contents. */
  picture(): Promise<Picture>;
}

/** A fresh scene around a copy of the backup at `original`, gone at the end of `t`. */
export async function createScene(
  t: Cleanup,
  commander: Commander,
  original: string,
  uri: string,
): Promise<Scene> {
  const root = await temporaryFolder(t);
  const id = original.split("/").at(-1) ?? "";
  const at = (...names: string[]) => join(root, ...names);
  const [backups, outside, home] = [at("backups"), at("outside"), at("home")];
  for (const folder of [backups, outside, home, at("tmp")]) await mkdir(folder, { mode: 0o700 });
  await execute("cp", ["-a", original, backups]);
  await execute("cp", ["-a", original, outside]);
  await writeFile(join(outside, "patients.txt"), "not ours");
  await writeFile(join(backups, ".gitignore"), "*\n");
  let dir = backups;
  let prefix: readonly string[] = [];
  // There lie compiled code and the settings.
  const allowed = [backups, home, at("tmp")];
  return {
    backups,
    outside,
    id,
    at,
    async sh(script) {
      const env = { ...process.env, ID: id, B: backups, OUT: outside, ROOT: root };
      await execute("sh", ["-euc", script], { env });
    },
    useDir: (path) => void (dir = path),
    runUnder: (words) => void (prefix = words),
    allow: (path) => void allowed.push(path),
    forbid: () => void allowed.shift(),
    async run(args) {
      const env = { MONGODB_URI: uri, BACKUP_DIR: dir, ...SETTINGS };
      if (prefix.length > 0)
        return await runUnder(prefix, args, { ...env, HOME: home, TMPDIR: at("tmp") });
      await writeFile(at("tmp", ".env"), formatEnv(env));
      const said = await commander.run([...args, "--json"], at("tmp", ".env"));
      return toRan(said?.code ?? null, said?.stdout ?? "", said?.stderr ?? "");
    },
    picture: async () => Object.fromEntries(await look(root, root, allowed)),
  };
}

const SETTINGS = {
  DISK_WARN_FREE: "2MB",
  DISK_ABORT_FREE: "1MB",
  RESTORE_KEEP_ASIDE: "0",
  BACKUP_TIMEZONE: "UTC",
} as const;

async function runUnder(
  prefix: readonly string[],
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Ran> {
  const argv = [...prefix, process.execPath, BUILT.main, ...args, "--json"];
  // An own group: what a prefix starts goes with it.
  const options = {
    env: { ...env, PATH: process.env.PATH },
    cwd: env.TMPDIR,
    detached: true,
  } as const;
  const child = spawn(argv[0] ?? "", argv.slice(1), options);
  child.stdin.end();
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const late = setTimeout(() => process.kill(-(child.pid ?? 0), "SIGKILL"), HANGS_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("close", resolve).once("error", reject);
  });
  clearTimeout(late);
  return toRan(code, stdout, stderr);
}

function toRan(code: number | null, stdout: string, stderr: string): Ran {
  return { code, error: errorIn(stdout), shown: `exit ${String(code)} ${stdout}${stderr}` };
}

function errorIn(stdout: string): string | null {
  try {
    const said = JSON.parse(stdout) as { error?: { code: string } };
    return said.error?.code ?? null;
  } catch {
    return "said nothing";
  }
}

async function look(
  root: string,
  path: string,
  allowed: readonly string[],
): Promise<[string, string][]> {
  const stat = await lstat(path);
  const kind = await describe(path, stat.isSymbolicLink(), stat.isFile());
  const facts = [stat.mode.toString(8), stat.uid, stat.size, stat.mtimeMs, kind].join(" ");
  // The root's own time changes where BACKUP_DIR is made or taken away in it.
  const found: [string, string][] = path === root ? [] : [[relative(root, path), facts]];
  if (!stat.isDirectory()) return found;
  for (const name of await readdir(path)) {
    const inner = join(path, name);
    const isAllowed = allowed.includes(inner) && (await lstat(inner)).isDirectory();
    if (!isAllowed) found.push(...(await look(root, inner, allowed)));
  }
  return found;
}

async function describe(path: string, isLink: boolean, isFile: boolean): Promise<string> {
  if (isLink) return `→ ${await readlink(path)}`;
  return isFile
    ? createHash("sha256")
        .update(await readFile(path))
        .digest("hex")
    : "";
}

/** Each place that is not as it was. */
export function changesIn(before: Picture, after: Picture): string[] {
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return paths
    .filter((path) => before[path] !== after[path])
    .map((path) => `${path}: ${before[path] ?? "nothing"} → ${after[path] ?? "nothing"}`);
}
