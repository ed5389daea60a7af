// BACKUP_DIR/drills/<id>/: report.json and report.html of one drill, for this user alone.
// What must stay true: report.json comes last, so that a drill that has one is a drill that ended.
import { join } from "node:path";
import { z } from "zod";
import { formatBackupId, isBackupId } from "../../archive/layout.ts";
import { KeepError } from "../../errors.ts";
import { readWhole } from "../../storage/ranges.ts";
import { refusalOf } from "../../storage/refusal.ts";
import type { Entry, ReadableStorage, Storage } from "../../storage/storage.ts";
import { makeFolders, writeNew } from "../../storage/whole.ts";
import type { DrillReport } from "./drill-result.ts";
import { formatDrillPage } from "./drill-page.ts";

export const drillsFolder = (root: string) => join(root, "drills");
const REPORT = "report.json";
export const PAGE = "report.html";

/** Writes the report under the first id that is free; gives it back with that id, and the page's path. */
export async function writeDrill(
  storage: Storage,
  root: string,
  zone: string,
  report: Omit<DrillReport, "id">,
): Promise<{ readonly id: string; readonly page: string }> {
  await makeFolders(storage, drillsFolder(root));
  const id = await makeFolder(storage, root, zone, Date.parse(report.startedAt));
  const folder = join(drillsFolder(root), id);
  const { schema, ...rest } = report;
  const whole: DrillReport = { schema, id, ...rest };
  try {
    await writeNew(storage, join(folder, PAGE), formatDrillPage(whole, zone));
    await writeNew(storage, join(folder, REPORT), `${JSON.stringify(whole, null, 2)}\n`);
    await storage.flushFolder(folder);
  } catch (error) {
    if (refusalOf(error) !== "full") throw error;
    throw new KeepError("disk-full", `no space left for the report in ${folder}`, { cause: error });
  }
  return { id, page: join(folder, PAGE) };
}

const TRIES = 60;

/** Two drills of one second are two drills. */
async function makeFolder(
  storage: Storage,
  root: string,
  zone: string,
  startMs: number,
): Promise<string> {
  for (let second = 0; ; second++) {
    const id = formatBackupId(startMs + second * 1_000, zone);
    try {
      await storage.makeFolder(join(drillsFolder(root), id));
      return id;
    } catch (error) {
      if (refusalOf(error) !== "taken" || second === TRIES) throw error;
    }
  }
}

/** What status needs of a drill. */
export type StoredDrill = Pick<DrillReport, "id" | "ok" | "startedAt"> & {
  readonly scope: DrillReport["backup"]["scope"];
  /** From the check of the files to the restored and verified data; null: an older report does not say. */
  readonly restoreSeconds: number | null;
};

const STORED = z.object({
  schema: z.literal(1),
  ok: z.boolean(),
  startedAt: z.iso.datetime(),
  timings: z.object({ verifySeconds: z.number(), restoreSeconds: z.number() }).optional(),
  backup: z.object({
    scope: z
      .object({ hosts: z.array(z.string()), databases: z.array(z.string()).nullable() })
      .nullable(),
  }),
});

/** A report is some kilobytes a collection. */
const LONGEST_REPORT = 64 * 1024 * 1024;

/** All drills that ended, newest first. Folders without a readable report are left out. */
export async function listDrills(storage: ReadableStorage, root: string): Promise<StoredDrill[]> {
  const entries = await storage.list(drillsFolder(root)).catch((error: unknown): Entry[] => {
    const refusal = refusalOf(error);
    if (refusal === "missing" || refusal === "not-a-folder") return [];
    throw error;
  });
  const drills = entries.filter(({ name, kind }) => isBackupId(name) && kind === "folder");
  const ids = drills.map(({ name }) => name).reverse();
  const read = await Promise.all(ids.map((id) => readDrill(storage, root, id)));
  return read.filter((drill) => drill !== null);
}

async function readDrill(
  storage: ReadableStorage,
  root: string,
  id: string,
): Promise<StoredDrill | null> {
  const path = join(drillsFolder(root), id, REPORT);
  const bytes = await readWhole(storage, path, LONGEST_REPORT).catch(() => null);
  if (bytes === null) return null;
  try {
    const { ok, startedAt, backup, timings } = STORED.parse(JSON.parse(bytes.toString("utf8")));
    const restoreSeconds = timings ? timings.verifySeconds + timings.restoreSeconds : null;
    return { id, ok, startedAt, scope: backup.scope, restoreSeconds };
  } catch (error) {
    // Cut short, of a later version, or not ours.
    if (error instanceof SyntaxError || error instanceof z.ZodError) return null;
    throw error;
  }
}
