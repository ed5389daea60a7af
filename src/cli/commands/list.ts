// mongokeep list
import { helpEnd, keep } from "../verb.ts";
import type { Verb } from "../verb.ts";

export const list: Verb<"list"> = {
  name: "list",
  define: (program, found) => {
    program
      .command("list")
      .summary("the backups, newest first")
      .description(
        "Lists the backups, newest first: age, size, type, state, and how long each is kept.",
      ) // prettier-ignore
      .addHelpText("after", helpEnd("0 done, 1 failed, 2 settings", ["list", "list --json"]))
      .action(keep(found));
  },
  execute: async (_, { run }) => {
    const { listBackups } = await import("../../jobs/catalog/list.ts");
    const { formatList } = await import("../../report/text/list.ts");
    const result = await run("list", listBackups);
    return { result, text: (view) => formatList(result, view), isReport: false };
  },
};
