// mongokeep backup
import { warn } from "../../events.ts";
import { Option } from "commander";
import type { Composition } from "../../compose.ts";
import type { CompressionAlgorithm } from "../../codec/codec.ts";
import type { RetentionItem } from "../../retention/item.ts";
import { yieldToOthers } from "../../util/priority.ts";
import { ENGINES } from "../../config/engines.ts";
import type { EngineSetting } from "../../config/engines.ts";
import { collect, helpEnd, keep, usage } from "../verb.ts";
import type { Verb } from "../verb.ts";

interface BackupFlags {
  readonly manual?: boolean;
  readonly note?: string;
  readonly db?: string[];
  readonly exclude?: string[];
  readonly engine?: EngineSetting;
  readonly compression?: CompressionAlgorithm;
}

const EXITS =
  "0 done, 1 failed, 2 usage or settings, 3 the backup was damaged twice,\n  4 another run, 5 disk, 6 MongoDB, 129/130/143 interrupted, cleaned up";
const LONGEST_NOTE = 1000;

export const backup: Verb<"backup"> = {
  name: "backup",
  define: (program, found) => {
    program
      .command("backup")
      .summary("make a backup and verify it")
      .description("Makes a backup, verifies it, and then cleans up by the retention policy.")
      .option("--manual", "keep it until it is deleted by hand")
      .option("--note <text>", "a note, shown by list and show")
      .option("--db <name>", "only this database (repeatable)", collect)
      .option(
        "--exclude <ns>",
        "leave out database.collection, or a database (repeatable)",
        collect,
      )
      .addOption(
        new Option("--compression <how>", "replaces the setting").choices(["gzip", "zstd", "none"]),
      ) // prettier-ignore
      .addOption(
        new Option("--engine <engine>", "how documents are read; replaces the setting").choices(
          ENGINES,
        ),
      ) // prettier-ignore
      .addHelpText(
        "after",
        helpEnd(EXITS, [
          "backup",
          'backup --manual --note "before migration X"',
          "backup --db surg --exclude surg.sessions",
        ]),
      ) // prettier-ignore
      .action(keep(found));
  },
  check: ({ flags }) => {
    const { note } = flags as BackupFlags;
    if ((note?.length ?? 0) > LONGEST_NOTE) {
      throw usage(`--note is longer than ${LONGEST_NOTE} characters`, "Shorten it.");
    }
  },
  execute: async ({ flags }, composition) => {
    const { manual = false, note = null, db, exclude = [] } = flags as BackupFlags;
    const { compression = null, engine = null } = flags as BackupFlags;
    // Nobody waits for a backup, but the application waits for the database.
    yieldToOthers(composition.context.settings.nice);
    const { runBackup } = await import("../../jobs/backup/backup.ts");
    if (note !== null && !manual && process.stderr.isTTY) await warnOfDeletion(composition);
    const result = await composition.run("backup", (context) =>
      runBackup(context, { manual, note, databases: db ?? null, exclude, compression, engine }),
    );
    const { formatBackup } = await import("../../report/text/backup.ts");
    return { result, text: (view) => formatBackup(result, view), isReport: true };
  },
};

/** People assume that a note keeps the backup, which only --manual does. */
async function warnOfDeletion({ context }: Composition): Promise<void> {
  const { settings, clock, emit } = context;
  const { planExpiry } = await import("../../retention/plan.ts");
  const { formatDay } = await import("../../report/times.ts");
  const nowMs = clock.now();
  const planned: RetentionItem = {
    id: "planned",
    createdAtMs: nowMs,
    type: "automatic",
    state: "good",
    group: "",
    documents: 0,
    pinned: null,
    parent: null,
  };
  const expiresMs = planExpiry(planned, [], nowMs, settings.retention, settings.timezone);
  const when = expiresMs === null ? "one day" : `on ${formatDay(expiresMs, settings.timezone)}`;
  const message = `this backup will be deleted ${when}: a note does not keep it, --manual does`;
  warn(emit, "note-without-manual", message);
}
