// mongokeep restore
import { Option } from "commander";
import type { Composition } from "../../compose.ts";
import type { ListResult, PlannedRestore, RestoreResult } from "../../jobs/results.ts";
import { collect, helpEnd, keep, readRenames, refuseLater, usage } from "../verb.ts";
import type { Spoken, Verb } from "../verb.ts";

interface RestoreFlags {
  readonly confirm?: boolean;
  readonly db?: string[];
  readonly only?: string[];
  readonly skipPreBackup?: boolean;
  readonly service?: boolean;
  readonly forceVersion?: boolean;
}

/** Agreed, for a later version. */
const LATER: readonly (readonly [flags: string, name: string, given: unknown])[] = [
  ["--at <time>", "at", undefined],
  ["--exact", "exact", undefined],
  ["--drop-aside", "dropAside", undefined],
  ["--resume [id]", "resume", undefined],
  ["--ns <pattern>", "ns", undefined],
  ["--exclude <ns>", "exclude", undefined],
  ["--no-ttl", "ttl", true],
];

const EXITS =
  "0 done (or planned, or listed), 1 failed before anything changed, 2 usage or settings,\n  3 the backup is damaged, 4 another run, 5 disk, 6 MongoDB, 7 failed and the old state is back,\n  8 failed and the old state is not back: the message says how to get it";

export const restore: Verb<"restore"> = {
  name: "restore",
  define: (program, found) => {
    const command = program
      .command("restore")
      .summary("show a restore's plan; with --confirm: do it")
      .description(
        "Without a backup: lists them. Without --confirm: shows the exact plan, and changes nothing.",
      )
      .argument("[backup]", "an id, a path, or latest; a folder made by mongodump too")
      .option("--confirm", "do it")
      .option("--db <from=to>", "restore database from as database to (several)", collect)
      .option("--only <ns>", "only this database.collection, * for any text (several)", collect)
      .option("--in-place", "drop and load in place (the only way in this version)")
      .option("--skip-pre-backup", "do not back up first what is there now")
      .option("--no-service", "leave the service alone")
      .option(
        "--force-version",
        "go on where the server is older than the backup's, or lacks what it needs",
      )
      .addHelpText(
        "after",
        helpEnd(EXITS, [
          "restore",
          "restore latest",
          "restore latest --confirm",
          "restore latest --db surg=surg_check --confirm",
        ]),
      ) // prettier-ignore
      .action(keep(found));
    for (const [flags] of LATER) command.addOption(new Option(flags).hideHelp());
  },
  check: ({ args, flags }) => {
    for (const [flag, name, unset] of LATER) {
      if (flags[name] !== unset) refuseLater(flag.split(" ")[0] ?? flag);
    }
    const { confirm, db } = flags as RestoreFlags;
    readRenames(db);
    if (args[0] === undefined && confirm === true) {
      throw usage(
        "--confirm needs the name of a backup",
        "mongokeep list shows them; latest is one.",
      );
    }
  },
  execute: async ({ args, flags }, composition) => {
    const [backup] = args;
    if (backup === undefined) return await listFirst(composition);
    const { confirm = false, db, only, skipPreBackup = false, service } = flags as RestoreFlags;
    const { forceVersion = false } = flags as RestoreFlags;
    const { runRestore } = await import("../../jobs/restore.ts");
    const request = { backup, rename: readRenames(db), only: only ?? null, skipPreBackup };
    const result = await composition.run("restore", (context) =>
      runRestore(context, { ...request, useService: service !== false, confirm, forceVersion }),
    );
    return await spokenRestore(result, "restore");
  },
};

export async function spokenRestore(
  result: PlannedRestore | RestoreResult,
  command: "restore" | "rollback",
): Promise<Spoken<PlannedRestore | RestoreResult>> {
  const { formatRestore } = await import("../../report/text/restore.ts");
  const text: Spoken<unknown>["text"] = (view) => formatRestore(result, command, view);
  return { result, text, isReport: result.restored };
}

/** `restore` alone: what could be restored. The JSON is that of `list`, said to be no restore. */
async function listFirst({ context }: Composition): Promise<Spoken<PlannedRestore>> {
  const { listBackups } = await import("../../jobs/list.ts");
  const { formatList } = await import("../../report/text/list.ts");
  const list: ListResult = await listBackups(context);
  const result = { ok: true, planned: true, restored: false, backup: null, plan: null, ...list };
  return {
    result: result as unknown as PlannedRestore,
    text: (view) =>
      `${formatList(list, view)}\n\nto see what a restore would do: mongokeep restore <backup>`,
    isReport: false,
  };
}
