// mongokeep diff
import { collect, helpEnd, keep, readRenames, usage } from "../verb.ts";
import type { Verb } from "../verb.ts";

interface DiffFlags {
  readonly live?: boolean;
  readonly only?: string[];
  readonly exclude?: string[];
  readonly db?: string[];
  readonly samples: string;
}

const MOST_SAMPLES = 1_000;

export const diff: Verb<"diff"> = {
  name: "diff",
  define: (program, found) => {
    program
      .command("diff")
      .summary("compare a backup with the live data: what a restore would change")
      .description(
        "Compares a backup with the live data, or with another backup, document by document, and\nprints which collections need a restore. Changes nothing.",
      )
      .argument("<backup>", "an id, a path, or latest; also a folder made by mongodump")
      .argument("[other]", "another backup; without it: the live data")
      .option("--live", "compare with the live data (the default)")
      .option("--only <ns>", "only this database.collection, * for any text (repeatable)", collect)
      .option("--exclude <ns>", "not this database.collection or database (repeatable)", collect)
      .option(
        "--db <from=to>",
        "compare database from with the live database to (repeatable)",
        collect,
      ) // prettier-ignore
      .option("--samples <n>", "number of sample _ids to print", "5")
      .addHelpText(
        "after",
        helpEnd(
          "0 compared, with or without differences, 2 usage or settings, 3 the backup is damaged,\n  5 disk, 6 MongoDB",
          ["diff latest", "diff latest --only surg.patients --samples 50", "diff 2026-11-22_02-00-00 2026-11-23_02-00-00"], // prettier-ignore
        ),
      )
      .action(keep(found));
  },
  check: ({ args, flags }) => {
    const { live, db, samples } = flags as unknown as DiffFlags;
    readRenames(db);
    if (live === true && args[1] !== undefined)
      throw usage("give another backup or --live, not both");
    if (!/^\d{1,4}$/.test(samples) || Number(samples) > MOST_SAMPLES)
      throw usage(`--samples ${JSON.stringify(samples)} is not a number up to ${MOST_SAMPLES}`);
  },
  execute: async ({ args, flags }, { run }) => {
    const { only, exclude, db, samples } = flags as unknown as DiffFlags;
    const { runDiff } = await import("../../jobs/inspect/diff.ts");
    const request = {
      backup: args[0] ?? "latest",
      other: args[1] ?? null,
      rename: readRenames(db),
      only: only ?? null,
      exclude: exclude ?? [],
      samples: Number(samples),
    };
    const result = await run("diff", (context) => runDiff(context, request));
    const { formatDiff } = await import("../../report/text/diff.ts");
    return { result, text: (view) => formatDiff(result, view), isReport: false };
  },
};
