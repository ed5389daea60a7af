// mongokeep schedule install|remove|status
import type { JobContext } from "../../jobs/context.ts";
import { currentPlace, ownScript } from "../place.ts";
import { helpEnd, keep } from "../verb.ts";
import type { Flags, Verb } from "../verb.ts";

const EXITS = "0 done, 1 failed (no cron, no systemd), 2 usage or settings";

export const schedule: Verb<"schedule"> = {
  name: "schedule",
  define: (program, found) => {
    const group = program
      .command("schedule")
      .helpCommand(false)
      .summary("install, remove or show the nightly run")
      .description("The nightly run in the crontab, or as a systemd user timer.")
      .addHelpText("after", helpEnd(EXITS, ["schedule install", 'schedule install --at "30 3 * * *"', "schedule status"])); // prettier-ignore
    const add = (name: string, description: string) =>
      group.command(name).description(description).action(
        keep(({ args, flags }) => {
          found({ args: [name, ...args], flags });
        }),
      ); // prettier-ignore
    add("install", "Installs the nightly run, replacing an installed one for this folder.")
      .option("--at <cron>", "five cron fields", "0 2 * * *")
      .option("--systemd", "a systemd user timer instead of a crontab line")
      .option("--status-alert", "also run status --alert each morning at nine");
    add("remove", "Removes what is installed for this folder, and nothing else.");
    add("status", "Shows what is installed for this folder, and when it runs next.");
  },
  execute: async ({ args, flags }, { run }) => {
    const action = args[0];
    const result = await run("schedule", (context) => act(action, flags, context));
    const { formatSchedule } = await import("../../report/text/schedule.ts");
    return { result, text: (view) => formatSchedule(result, view), isReport: action !== "status" };
  },
};

async function act(action: string | undefined, flags: Flags, context: JobContext) {
  const jobs = await import("../../jobs/schedule.ts");
  const place = currentPlace();
  if (action === "remove") return await jobs.removeNightly(context, place);
  if (action === "status") return await jobs.readNightly(context, place);
  return await jobs.installNightly(context, place, {
    kind: flags.systemd === true ? "systemd" : "cron",
    at: String(flags.at),
    node: process.execPath,
    script: ownScript(),
    statusAlert: flags.statusAlert === true,
  });
}
