// mongokeep drill
import type { JobContext } from "../../jobs/context.ts";
import { currentPlace, ownScript } from "../place.ts";
import { helpEnd, keep, usage } from "../verb.ts";
import type { Verb } from "../verb.ts";

interface DrillFlags {
  readonly schedule?: boolean;
  readonly at?: string;
  readonly systemd?: boolean;
}

const EXITS =
  "0 passed, 1 failed (no mongod), 2 usage, settings or an unfit server, 3 the drill failed,\n  5 disk, 6 MongoDB";

export const drill: Verb<"drill"> = {
  name: "drill",
  define: (program, found) => {
    program
      .command("drill")
      .summary("restore a backup into a temporary server, and write a report")
      .description(
        "Restores a backup into a temporary server, compares everything with the backup, runs the\nchecks of DRILL_CHECKS, and writes a report. Touches no live data. Without a name: the latest.",
      )
      .argument("[backup]", "an id, a path, or latest; also a folder made by mongodump")
      .option("--schedule", "do not run a drill now, but install a monthly run for this folder")
      .option("--at <cron>", "with --schedule: five cron fields (default: 0 4 1 * *)")
      .option("--systemd", "with --schedule: a systemd user timer instead of a crontab line")
      .addHelpText(
        "after",
        helpEnd(EXITS, ["drill", "drill 2026-11-23_02-00-00", 'drill --schedule --at "0 4 1 * *"']),
      ) // prettier-ignore
      .action(keep(found));
  },
  check: ({ args, flags }) => {
    const { schedule, at, systemd } = flags as unknown as DrillFlags;
    if (schedule === true && args[0] !== undefined)
      throw usage("--schedule drills the latest backup each time: do not name a backup");
    if (schedule !== true && (at !== undefined || systemd === true))
      throw usage("--at and --systemd need --schedule");
  },
  execute: async ({ args, flags }, { run }) => {
    const wanted = flags as unknown as DrillFlags;
    if (wanted.schedule === true) {
      const result = await run("drill", (context) => install(context, wanted));
      const { formatDrillSchedule } = await import("../../report/text/schedule.ts");
      return { result, text: (view) => formatDrillSchedule(result, view), isReport: true };
    }
    const { runDrill } = await import("../../jobs/drill/drill.ts");
    const request = { backup: args[0] ?? "latest" };
    const result = await run("drill", (context) => runDrill(context, request));
    const { formatDrill } = await import("../../report/text/drill.ts");
    return { result, text: (view) => formatDrill(result, view), isReport: true };
  },
};

async function install(context: JobContext, { at, systemd }: DrillFlags) {
  const { DRILL_AT, installDrillSchedule } = await import("../../jobs/schedule.ts");
  return await installDrillSchedule(context, currentPlace(), {
    kind: systemd === true ? "systemd" : "cron",
    at: at ?? DRILL_AT,
    node: process.execPath,
    script: ownScript(),
  });
}
