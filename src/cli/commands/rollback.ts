// mongokeep rollback
import { helpEnd, keep } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { spokenRestore } from "./restore.ts";

interface RollbackFlags {
  readonly confirm?: boolean;
  readonly service?: boolean;
}

export const rollback: Verb<"rollback"> = {
  name: "rollback",
  define: (program, found) => {
    program
      .command("rollback")
      .summary("show what undoing a restore would do; with --confirm: do it")
      .description(
        "Undoes a restore: the state from before it is live again. Without an id: of the newest restore, if it is in effect.\nTo undo a rollback, give its id. Without --confirm: shows the plan, and what was written since.",
      )
      .argument("[restore-id]", "the id of the restore")
      .option("--confirm", "do it")
      .option("--no-service", "leave the service alone")
      .addHelpText("after", helpEnd("same as for restore", ["rollback", "rollback --confirm"]))
      .action(keep(found));
  },
  execute: async ({ args, flags }, { run }) => {
    const { confirm = false, service } = flags as RollbackFlags;
    const { runRollback } = await import("../../jobs/restore/rollback.ts");
    const request = { restoreId: args[0] ?? null, confirm, useService: service !== false };
    const result = await run("rollback", (context) => runRollback(context, request));
    return await spokenRestore(result, "rollback");
  },
};
