// The other side: mongokeep through its built command line, in a project folder with a .env, as its users run it.
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { scratchFolder } from "../tests/support/scratch-folder.ts";
import { formatEnv } from "../tests/support/workspace.ts";
import type { EnvValues } from "../tests/support/workspace.ts";
import { measure } from "./measure.ts";
import type { Measured } from "./measure.ts";

const MAIN = resolve(import.meta.dirname, "../bin/mongokeep.cjs");

export type BenchCompression = "gzip" | "zstd";

export interface Project extends AsyncDisposable {
  readonly folder: string;
  readonly backupDir: string;
  run(args: readonly string[]): Promise<Measured>;
}

export interface BackupRun extends Measured {
  readonly id: string;
  readonly path: string;
  /** Of the whole command without its verification, start and cleanup included. */
  readonly secondsUnverified: number;
}

export interface RestoreRun extends Measured {
  /** Of the whole command without its pre-restore backup: verification, load, indexes and proof. */
  readonly secondsWithoutPreBackup: number;
}

/** A fresh project for one database; removed at the end. */
export async function createProject(
  uri: string,
  database: string,
  more: EnvValues = {},
): Promise<Project> {
  const scratch = await scratchFolder("mongokeep-bench-");
  const folder = scratch.path;
  const [home, backupDir] = [join(folder, "home"), join(folder, "backups")];
  await mkdir(home);
  const limits = { DISK_WARN_FREE: "2MB", DISK_ABORT_FREE: "1MB" };
  const values = {
    MONGODB_URI: uri,
    MONGODB_DATABASE: database,
    BACKUP_DIR: backupDir,
    ...limits,
    ...more,
  };
  await writeFile(join(folder, ".env"), formatEnv(values));
  return {
    folder,
    backupDir,
    run: (args) => measure(process.execPath, [MAIN, ...args], { cwd: folder, env: { HOME: home } }),
    [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
  };
}

export async function keepBackup(
  project: Project,
  compression: BenchCompression,
): Promise<BackupRun> {
  const run = await project.run(["backup", "--json", "--compression", compression]);
  const { id, path, timings } = JSON.parse(run.stdout) as {
    id: string;
    path: string;
    timings: { verifySeconds: number };
  };
  return { ...run, id, path, secondsUnverified: run.seconds - timings.verifySeconds };
}

export function keepVerify(project: Project, id: string): Promise<Measured> {
  return project.run(["verify", id, "--level", "full", "--json"]);
}

export async function keepRestore(project: Project, id: string): Promise<RestoreRun> {
  const run = await project.run(["restore", id, "--confirm", "--json"]);
  const { ok, timings } = JSON.parse(run.stdout) as {
    ok: boolean;
    timings: { preRestoreBackupSeconds: number };
  };
  if (!ok) throw new Error(`the restore was not ok: ${run.stdout}`);
  return { ...run, secondsWithoutPreBackup: run.seconds - timings.preRestoreBackupSeconds };
}
