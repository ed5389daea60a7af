// A user's project for one test: a folder with a .env, a home and a BACKUP_DIR, and mongokeep run in it.
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runCli, startCli } from "./cli.ts";
import type { CliOptions, CliResult, RunningCli } from "./cli.ts";
import { temporaryFolder } from "./temporary.ts";
import type { Cleanup } from "./temporary.ts";

export type EnvValues = Readonly<Record<string, string | number | undefined>>;

export interface Workspace {
  readonly folder: string;
  readonly home: string;
  readonly backupDir: string;
  /** A path in the folder. */
  at(...names: string[]): string;
  /** Writes .env anew; BACKUP_DIR and small disk limits are in it unless given otherwise. */
  writeEnv(values: EnvValues): Promise<void>;
  run(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  start(args: readonly string[], options?: CliOptions): RunningCli;
  /** What lies in BACKUP_DIR, hidden names too, sorted; empty where there is none. */
  backupNames(): Promise<string[]>;
}

/** Small limits: a test on a full laptop is about the limits it sets, not about the laptop. */
const DEFAULTS: EnvValues = { DISK_WARN_FREE: "2MB", DISK_ABORT_FREE: "1MB" };

/** A fresh project, removed after the test. With `values`, its .env is written. */
export async function workspace(t: Cleanup, values?: EnvValues): Promise<Workspace> {
  const folder = await temporaryFolder(t);
  const [home, backupDir] = [join(folder, "home"), join(folder, "backups")];
  await mkdir(home);
  const place = { cwd: folder, home };
  const made: Workspace = {
    folder,
    home,
    backupDir,
    at: (...names) => join(folder, ...names),
    writeEnv: (wanted) =>
      writeFile(join(folder, ".env"), formatEnv({ ...DEFAULTS, BACKUP_DIR: backupDir, ...wanted })),
    run: (args, options) => runCli(args, { ...place, ...options }),
    start: (args, options) => startCli(args, { ...place, ...options }),
    backupNames: () => listNames(backupDir),
  };
  if (values) await made.writeEnv(values);
  return made;
}

/** Lines of a .env; every value in quotes, so that `#` and spaces are kept. */
export function formatEnv(values: EnvValues): string {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${quote(String(value))}\n`)
    .join("");
}

function quote(value: string): string {
  const mark = ["'", '"', "`"].find((one) => !value.includes(one));
  if (mark === undefined) throw new Error("no quotes left for this value");
  return `${mark}${value}${mark}`;
}

async function listNames(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
