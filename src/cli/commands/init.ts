// mongokeep init
import { resolve } from "node:path";
import type { Composition } from "../../compose.ts";
import { assertNoPassword } from "../../config/own-uri.ts";
import type { InitAnswers, InitResult } from "../../jobs/init/result.ts";
import type { InitFlags } from "../init-answers.ts";
import { currentPlace, ownScript } from "../place.ts";
import { helpEnd, keep, usage } from "../verb.ts";
import type { Verb } from "../verb.ts";

const EXITS = "0 done, 1 doctor found a failure or nothing could be scheduled, 2 usage or settings, 5 disk,\n  6 cannot reach or log in to MongoDB"; // prettier-ignore
const SECRETS = `
Passwords are asked for on a terminal, or come from a file, stdin or the environment: MONGOKEEP_URI,
MONGOKEEP_RESTORE_URI, ALERT_COMMAND, ALERT_WEBHOOK_URL and ALERT_PING_URL are read from it.
`;

export const init: Verb<"init"> = {
  name: "init",
  define: (program, found) => {
    program
      .command("init")
      .summary("set up: settings, check, first backup, nightly run")
      .description(
        "Writes .env, runs doctor, makes the first backup and installs the nightly run. Asks on a\nterminal for everything that no flag gives. A second run changes only what you ask for.",
      ) // prettier-ignore
      .option("--uri <uri>", "address of MongoDB, without a password")
      .option("--user <name>", "login for backups (role: backup)")
      .option("--password-file <path>", "file with its password; - for stdin")
      .option("--restore-user <name>", "a second login, for restores")
      .option("--restore-password-file <path>", "file with its password; - for stdin")
      .option("--database <names>", "what to back up: surg, or surg,billing (default: all)")
      .option("--folder <path>", "where to keep backups (default: ~/.tmp/backups)")
      .option("--timezone <zone>", "such as Europe/Berlin (default: this machine's)")
      .option("--service <unit>", "systemd unit to stop during a restore")
      .option("--alert-command <command>", "shell command that reports problems")
      .option("--at <cron>", "when to back up: five cron fields", "0 2 * * *")
      .option("--systemd", "a systemd user timer instead of a crontab line")
      .option("--no-doctor", "skip doctor")
      .option("--no-backup", "skip the first backup")
      .option("--no-schedule", "skip the nightly run")
      .option("--yes", "ask nothing")
      .addHelpText(
        "after",
        `${SECRETS}${helpEnd(EXITS, ["init", "init --uri mongodb://127.0.0.1:27017/surg --user backup --password-file pw.txt --yes"])}`,
      ) // prettier-ignore
      .action(keep(found));
  },
  check: ({ flags }) => {
    const { uri, user, passwordFile, restoreUser, restorePasswordFile } = flags as InitFlags;
    if (uri !== undefined) assertNoPassword(uri);
    if (passwordFile !== undefined && user === undefined)
      throw usage("--user is missing for --password-file");
    if (restorePasswordFile !== undefined && restoreUser === undefined)
      throw usage("--restore-user is missing for --restore-password-file");
    if (passwordFile === "-" && restorePasswordFile === "-")
      throw usage("only one password can come from stdin", "Put the other one into a file.");
  },
  execute: async ({ flags }, composition) => {
    const wanted = flags as InitFlags;
    const { canChoose } = await import("../choose-backup.ts");
    const { readAnswers } = await import("../init-answers.ts");
    const asks = canChoose() && wanted.yes !== true && wanted.json !== true;
    const answers = await readAnswers(composition.context, wanted, asks);
    const envFile = composition.context.settings.envFile ?? resolve(".env");
    const result = await setUp(composition, answers, { envFile, flags: wanted });
    const { formatInit } = await import("../../report/text/init.ts");
    return { result, text: (view) => formatInit(result, view), isReport: true };
  },
};

async function setUp(
  { context: { emit, signal } }: Composition,
  answers: InitAnswers,
  { envFile, flags }: { readonly envFile: string; readonly flags: InitFlags },
): Promise<InitResult> {
  const { compose } = await import("../../compose.ts");
  const { editsOf } = await import("../../jobs/init/edits.ts");
  const { writeEnv } = await import("../../jobs/init/write-env.ts");
  const { runFirst } = await import("../../jobs/init/first-run.ts");
  const changed = await writeEnv(envFile, editsOf(answers));
  // From here on it runs like any later command, with the settings in the file.
  const after = await compose({ envFile: flags.envFile, onEvent: emit, signal });
  const request = {
    kind: flags.systemd === true ? ("systemd" as const) : ("cron" as const),
    at: flags.at,
    node: process.execPath,
    script: ownScript(),
    statusAlert: false,
  };
  const done = await runFirst(after.context, {
    place: currentPlace(),
    doctor: flags.doctor,
    backup: flags.backup,
    schedule: flags.schedule ? request : null,
    run: {
      doctor: (job) => after.run("doctor", job),
      backup: (job) => after.run("backup", job),
    },
  });
  return { envFile, changed, ...done };
}
