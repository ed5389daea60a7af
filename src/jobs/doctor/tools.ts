// The programs that the engine of BACKUP_ENGINE works through.
import { findMongoTool, INSTALL_TOOLS } from "../../tools/mongo-tools.ts";
import type { Examine } from "./check.ts";
import { ok, warn } from "./check.ts";

/** Says nothing where no such engine is set. */
export const tools: Examine = async ({ job }) => {
  if (job.settings.engine !== "mongodump") return [];
  const found = await findMongoTool("mongodump", job.signal);
  if ("version" in found) return [ok("tools", `mongodump ${found.version} is installed`)];
  const message = `mongodump ${found.missing}: the native engine makes the backups in its place`;
  return [warn("tools", message, `Run: ${INSTALL_TOOLS}`)];
};
