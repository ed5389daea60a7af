// mongokeep delete
import { helpEnd, keep } from "../verb.ts";
import type { Verb } from "../verb.ts";

export const remove: Verb<"delete"> = {
  name: "delete",
  define: (program, found) => {
    program
      .command("delete")
      .summary("delete one backup, also a manual one")
      .description("Deletes one backup. Without --confirm: prints what would be deleted.")
      .argument("<backup>", "an id")
      .option("--confirm", "do it")
      .addHelpText(
        "after",
        helpEnd("0 done (or planned), 1 failed, 2 usage or settings, 4 another run", [
          "delete 2026-11-23_02-00-00 --confirm",
        ]),
      ) // prettier-ignore
      .action(keep(found));
  },
  execute: async ({ args, flags }, { run }) => {
    const confirm = flags.confirm === true;
    const { removeBackup } = await import("../../jobs/catalog/remove.ts");
    const { formatDelete } = await import("../../report/text/show.ts");
    const result = await run("delete", (context) => removeBackup(context, args[0] ?? "", confirm));
    return { result, text: (view) => formatDelete(result, view), isReport: confirm };
  },
};
