// mongokeep cleanup
import { helpEnd, keep } from "../verb.ts";
import type { Verb } from "../verb.ts";

export const cleanup: Verb<"cleanup"> = {
  name: "cleanup",
  define: (program, found) => {
    program
      .command("cleanup")
      .summary("delete backups by the retention policy")
      .description(
        "Applies the retention policy. Prints for each backup keep or delete, and the reason.",
      )
      .option("--dry-run", "print what would be deleted, delete nothing")
      .addHelpText(
        "after",
        helpEnd("0 done, 1 failed, 2 settings, 4 another run", ["cleanup --dry-run", "cleanup"]),
      ) // prettier-ignore
      .action(keep(found));
  },
  execute: async ({ flags }, { run }) => {
    const dryRun = flags.dryRun === true;
    const job = await import("../../jobs/catalog/cleanup.ts");
    const result = await run("cleanup", (context) => job.cleanup(context, { dryRun }));
    const { formatCleanup } = await import("../../report/text/cleanup.ts");
    return { result, text: (view) => formatCleanup(result, view), isReport: !dryRun };
  },
};
