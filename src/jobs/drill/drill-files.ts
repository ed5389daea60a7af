// BACKUP_DIR/drills/<id>/: report.json and report.html of one drill, for this user alone.
// What must stay true: report.json comes last, so that a drill that has one is a drill that ended.
import { constants } from "node:fs";
import { lstat, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { formatBackupId, isBackupId } from "../../archive/layout.ts";
import { KeepError } from "../../errors.ts";
import { createPrivateFolder, PRIVATE_FOLDER, syncFolder, writeNewFile } from "../../util/durable-file.ts"; // prettier-ignore
import type { DrillReport } from "./drill-result.ts";
import { formatDrillPage } from "./drill-page.ts";

export const drillsFolder = (root: string) => join(root, "drills");
const REPORT = "report.json";
export const PAGE = "report.html";

/** Writes the report under the first id that is free; gives it back with that id, and the page's path. */
export async function writeDrill(
  root: string,
  zone: string,
  report: Omit<DrillReport, "id">,
): Promise<{ readonly id: string; readonly page: string }> {
  await mkdir(drillsFolder(root), { mode: PRIVATE_FOLDER, recursive: true });
  const id = await makeFolder(root, zone, Date.parse(report.startedAt));
  const folder = join(drillsFolder(root), id);
  const { schema, ...rest } = report;
  const whole: DrillReport = { schema, id, ...rest };
  try {
    await writeNewFile(join(folder, PAGE), formatDrillPage(whole, zone));
    await writeNewFile(join(folder, REPORT), `${JSON.stringify(whole, null, 2)}\n`);
    await syncFolder(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOSPC" && code !== "EDQUOT") throw error;
    throw new KeepError("disk-full", `no space left for the report in ${folder}`, { cause: error });
  }
  return { id, page: join(folder, PAGE) };
}

const TRIES = 60;

/** Two drills of one second are two drills. */
async function makeFolder(root: string, zone: string, startMs: number): Promise<string> {
  for (let second = 0; ; second++) {
    const id = formatBackupId(startMs + second * 1_000, zone);
    try {
      await createPrivateFolder(join(drillsFolder(root), id));
      return id;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || second === TRIES) throw error;
    }
  }
}

/** What status needs of a drill. */
export type StoredDrill = Pick<DrillReport, "id" | "ok" | "startedAt"> & {
  readonly scope: DrillReport["backup"]["scope"];
};

const STORED = z.object({
  schema: z.literal(1),
  ok: z.boolean(),
  startedAt: z.iso.datetime(),
  backup: z.object({
    scope: z
      .object({ hosts: z.array(z.string()), databases: z.array(z.string()).nullable() })
      .nullable(),
  }),
});

/** All drills that ended, newest first. What cannot be read as one is left out. */
export async function listDrills(root: string): Promise<StoredDrill[]> {
  const names = await readdir(drillsFolder(root)).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [] as string[];
    throw error;
  });
  const ids = names.filter(isBackupId).sort().reverse();
  const read = await Promise.all(ids.map((id) => readDrill(root, id)));
  return read.filter((drill) => drill !== null);
}

async function readDrill(root: string, id: string): Promise<StoredDrill | null> {
  const folder = join(drillsFolder(root), id);
  if (!(await lstat(folder)).isDirectory()) return null;
  const flag = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const text = await readFile(join(folder, REPORT), { encoding: "utf8", flag }).catch(() => null);
  if (text === null) return null;
  try {
    const { ok, startedAt, backup } = STORED.parse(JSON.parse(text));
    return { id, ok, startedAt, scope: backup.scope };
  } catch (error) {
    // Cut short, of a later version, or not ours.
    if (error instanceof SyntaxError || error instanceof z.ZodError) return null;
    throw error;
  }
}
