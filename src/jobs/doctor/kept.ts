// What restores keep beside the live data: it takes room, and a dead one's is of no use.
import type { Deployment } from "../../mongo/deployment.ts";
import { readRecords } from "../../restore/record/read-record.ts";
import type { UnreadableRecord } from "../../restore/record/read-record.ts";
import type { StoredRecord } from "../../restore/record/record.ts";
import type { JobContext } from "../context.ts";
import { listRetained } from "../restore/retained/list.ts";
import type { Check } from "./check.ts";
import { ok, warn } from "./check.ts";

export async function keptBeside(job: JobContext, deployment: Deployment): Promise<Check[]> {
  const { records, unreadable } = await readRecords(job.settings.backupDir);
  return [...unreadable.map(toCheck), ...(await checkKept(deployment, records))];
}

function toCheck({ id, file, problem }: UnreadableRecord): Check {
  const message = `the record of the restore ${id} cannot be read: ${file} ${problem}`;
  return warn(
    "restores",
    message,
    "Use the version of mongokeep that made it, or repair the file.",
  );
}

async function checkKept(
  deployment: Deployment,
  records: readonly StoredRecord[],
): Promise<Check[]> {
  const kept = await listRetained(deployment, records);
  const dead = kept.filter(({ role }) => role !== "aside");
  const late = kept.filter(({ role, inBackup }) => role === "aside" && inBackup !== true);
  const hint = "mongokeep restore --discard-replaced shows them, and with --confirm deletes them.";
  if (dead.length > 0)
    return [warn("kept", `${dead.length} collections are left of restores that died`, hint)];
  if (late.length > 0) {
    const message = `${late.length} collections that restores set aside hold what no backup does`;
    return [warn("kept", message, hint)];
  }
  if (kept.length === 0) return [];
  return [ok("kept", `${kept.length} collections are set aside by restores; backups hold them`)];
}
