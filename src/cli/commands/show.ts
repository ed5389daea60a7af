// mongokeep show
import { helpEnd, keep } from "../verb.ts";
import type { Verb } from "../verb.ts";

export const show: Verb<"show"> = {
  name: "show",
  define: (program, found) => {
    program
      .command("show")
      .summary("one backup: what, when, how, each collection")
      .description(
        "Shows one backup's manifest: what, when, how, and each collection with its count.",
      ) // prettier-ignore
      .argument("<backup>", "an id, a path, or latest")
      .addHelpText("after", helpEnd("0 done, 1 failed, 2 usage or settings", ["show latest"]))
      .action(keep(found));
  },
  execute: async ({ args }, { run }) => {
    const { showBackup } = await import("../../jobs/catalog/show.ts");
    const { formatShow } = await import("../../report/text/show.ts");
    const result = await run("show", (context) => showBackup(context, args[0] ?? ""));
    return { result, text: (view) => formatShow(result, view), isReport: false };
  },
};
