// mongokeep verify
import { Option } from "commander";
import { helpEnd, keep, usage } from "../verb.ts";
import type { Verb } from "../verb.ts";

interface VerifyFlags {
  readonly latest?: boolean;
  readonly all?: boolean;
  readonly level: "quick" | "full" | "drill";
}

export const verify: Verb<"verify"> = {
  name: "verify",
  define: (program, found) => {
    program
      .command("verify")
      .summary("look for damage in backups")
      .description("Reads backups back from disk and looks for damage. Without a name: the latest.")
      .argument("[backup]", "an id, a path, or latest; also a folder made by mongodump")
      .option("--latest", "the newest good backup of the data in the settings")
      .option("--all", "every backup in BACKUP_DIR")
      .addOption(
        new Option(
          "--level <level>",
          "quick: checksums; full: also every document; drill: also restore it",
        )
          .choices(["quick", "full", "drill"])
          .default("full"),
      )
      .addHelpText(
        "after",
        helpEnd("0 good, 2 usage or settings, 3 damage found", [
          "verify",
          "verify --all --level quick",
          "verify 2026-11-23_02-00-00",
        ]),
      ) // prettier-ignore
      .action(keep(found));
  },
  check: ({ args, flags }) => {
    const { latest, all } = flags as unknown as VerifyFlags;
    const named = [args[0] !== undefined, latest === true, all === true].filter(Boolean).length;
    if (named > 1) throw usage("give one backup, or --latest, or --all, not several of them");
  },
  execute: async ({ args, flags }, { run }) => {
    const { all, level } = flags as unknown as VerifyFlags;
    const refs = all === true ? "all" : (args[0] ?? "latest");
    const { runVerify } = await import("../../jobs/inspect/verify.ts");
    const result = await run("verify", (context) => runVerify(context, { refs, level }));
    const { formatVerify } = await import("../../report/text/verify.ts");
    return { result, text: (view) => formatVerify(result, view), isReport: true };
  },
};
