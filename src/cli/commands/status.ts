// mongokeep status
import { currentPlace } from "../place.ts";
import { helpEnd, keep } from "../verb.ts";
import type { Verb } from "../verb.ts";

export const status: Verb<"status"> = {
  name: "status",
  define: (program, found) => {
    program
      .command("status")
      .summary("last good backup, next run, disk, what needs a person")
      .description("Shows the state of the backups. Needs no server.")
      .option("--alert", "also send an alert if a person is needed")
      .addHelpText(
        "after",
        helpEnd("0 no problems, 1 something needs a person, 2 settings", [
          "status",
          "status --alert --quiet",
        ]),
      ) // prettier-ignore
      .action(keep(found));
  },
  execute: async ({ flags }, { run, notify }) => {
    const { readStatus } = await import("../../jobs/status/status.ts");
    const { formatStatus } = await import("../../report/text/status.ts");
    const result = await run("status", (context) => readStatus(context, currentPlace()));
    if (flags.alert === true) {
      const { resultNotice } = await import("../../report/outcome.ts");
      const notice = resultNotice("status", result);
      if (notice) await notify(notice);
    }
    return { result, text: (view) => formatStatus(result, view), isReport: false };
  },
};
