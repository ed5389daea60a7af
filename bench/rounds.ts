// Both sides in turn, round after round: whatever else the machine does, it does to both.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { keepBackup, keepRestore, keepVerify } from "./mongokeep.ts";
import type { BackupRun, BenchCompression, Project } from "./mongokeep.ts";
import { storedBytes, stockDump, stockRestore } from "./stock.ts";

export type Part = "backup" | "verify" | "restore";

/** One figure of one run, e.g. "stock dump" with its seconds, peak memory and stored bytes. */
export interface Sample {
  readonly name: SampleName;
  readonly seconds: number;
  readonly peakMegabytes: number | null;
  readonly storedBytes?: number;
}

export type SampleName =
  | "mongodump --gzip"
  | "mongorestore --gzip --drop"
  | "mongokeep restore"
  | `mongokeep ${"backup" | "verify"} ${BenchCompression}`;

export interface Target {
  readonly uri: string;
  readonly database: string;
  readonly project: Project;
}

/** Runs the parts once, in a fixed order, and hands each sample out as soon as it is there. */
export async function runRound(
  { uri, database, project }: Target,
  parts: ReadonlySet<Part>,
  take: (sample: Sample) => void,
): Promise<void> {
  const dump = join(project.folder, "mongodump");
  const stock = await stockDump(uri, database, dump);
  take({ name: "mongodump --gzip", ...stock, storedBytes: await storedBytes(dump) });
  for (const compression of ["zstd", "gzip"] as const) {
    const backup = await keepBackup(project, compression);
    take(await backupSample(backup, compression));
    if (parts.has("verify")) {
      const verified = await keepVerify(project, backup.id);
      take({ name: `mongokeep verify ${compression}`, ...verified });
    }
    if (parts.has("restore") && compression === "gzip") {
      take({ name: "mongorestore --gzip --drop", ...(await stockRestore(uri, dump)) });
      const restored = await keepRestore(project, backup.id);
      const seconds = restored.secondsWithoutPreBackup;
      take({ name: "mongokeep restore", ...restored, seconds });
    }
  }
  await rm(dump, { recursive: true, force: true });
  await rm(project.backupDir, { recursive: true, force: true });
}

async function backupSample(backup: BackupRun, compression: BenchCompression): Promise<Sample> {
  return {
    name: `mongokeep backup ${compression}`,
    seconds: backup.secondsUnverified,
    peakMegabytes: backup.peakMegabytes,
    storedBytes: await storedBytes(backup.path),
  };
}
