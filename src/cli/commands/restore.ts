// mongokeep restore
import { Option } from "commander";
import type { Composition } from "../../compose.ts";
import type { RestoreRequest } from "../../restore/record/request.ts";
import type {
  Discarded,
  PlannedRestore,
  RestoreChoices,
  RestoreResult,
} from "../../jobs/results.ts";
import { canChoose, chooseBackup, isAgreed } from "../choose-backup.ts";
import { MOMENT_EXAMPLES, parseMoment } from "../../util/moment.ts";
import { collect, helpEnd, keep, readRenames, usage } from "../verb.ts";
import type { Spoken, Stdout, Verb } from "../verb.ts";

interface RestoreFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly at?: string;
  readonly confirm?: boolean;
  readonly db?: string[];
  readonly ns?: string[];
  readonly only?: string[];
  readonly exclude?: string[];
  readonly exact?: boolean;
  readonly inPlace?: boolean;
  readonly skipPreBackup?: boolean;
  readonly service?: boolean;
  readonly forceVersion?: boolean;
  readonly engine?: RestoreRequest["engine"];
  /** false with --no-ttl. */
  readonly ttl?: boolean;
  readonly resume?: string | true;
  readonly discardReplaced?: string | true;
  /** The same, as it was called before. */
  readonly dropAside?: string | true;
}

const EXITS =
  "0 done (or planned, or listed), 1 failed before anything changed, 2 usage or settings,\n  3 the backup is damaged, 4 another run, 5 disk, 6 MongoDB, 7 failed and the old state is back,\n  8 failed and the old state is not back: the message says how to get it";

export const restore: Verb<"restore"> = {
  name: "restore",
  define: (program, found) => {
    program
      .command("restore")
      .summary("show a restore's plan; with --confirm: do it")
      .description(
        "Without a backup: lists them. Without --confirm: shows the exact plan, and changes nothing.\nThe backup is loaded and verified beside the live data; then both are swapped by renames, and the replaced data is retained.",
      )
      .argument("[backup]", "an id, a path, or latest; a folder made by mongodump too")
      .option("--confirm", "do it")
      .option("--at <time>", 'the newest good backup before that, e.g. "yesterday 18:00"')
      .option("--db <from=to>", "restore database from as database to (repeatable)", collect)
      .option("--ns <from=to>", "restore collection a.x as b.y (repeatable)", collect)
      .option("--only <ns>", "only this database.collection, * for any text (repeatable)", collect)
      .option(
        "--exclude <ns>",
        "not this database.collection, * for any text (repeatable)",
        collect,
      )
      .option("--exact", "also remove what exists only live (it is retained like replaced data)")
      .option(
        "--in-place",
        "drop and load in place: needs no second copy, stops the service longer",
      )
      .option("--no-ttl", "restore without the expiry of TTL indexes")
      .addOption(
        new Option("--engine <engine>", "what loads the documents: our own, or stock mongorestore")
          .choices(["native", "mongodump"])
          .default("native"),
      ) // prettier-ignore
      .option("--skip-pre-backup", "make no safety backup of what is there now")
      .option("--no-service", "leave the service alone")
      .option(
        "--force-version",
        "go on where the server is older than the backup's, or lacks what it needs",
      )
      .option("--resume [id]", "finish an interrupted restore")
      .option(
        "--discard-replaced [id]",
        "delete the replaced data that restores retain, or left behind",
      )
      .addOption(new Option("--drop-aside [id]", "as --discard-replaced").hideHelp())
      .addHelpText(
        "after",
        helpEnd(EXITS, [
          "restore",
          "restore latest",
          "restore latest --confirm",
          'restore --at "yesterday 18:00" --only surg.patients --confirm',
          "restore latest --db surg=surg_check --confirm",
        ]),
      ) // prettier-ignore
      .action(keep(found));
  },
  check: ({ args, flags }) => {
    const given = flags as RestoreFlags;
    readRenames(given.db);
    readRenames(given.ns, "--ns").forEach((to, from) => {
      assertNamespaces(from, to);
    });
    assertOneChoice(args, given);
  },
  execute: async ({ args, flags }, composition, stdout) => {
    const given = flags as RestoreFlags;
    const { confirm = false, service } = given;
    const useService = service !== false;
    if (given.resume !== undefined) {
      const restoreId = given.resume === true ? null : given.resume;
      const { runResume } = await import("../../jobs/restore/resume.ts");
      const result = await composition.run("restore", (context) =>
        runResume(context, { restoreId, useService, confirm }),
      );
      return await spokenRestore(result, "restore");
    }
    const discarded = given.discardReplaced ?? given.dropAside;
    if (discarded !== undefined) return await discardReplaced(discarded, given, composition);
    const [named] = args;
    if (named !== undefined || given.at !== undefined)
      return await run(requestOf(named ?? "latest", given, composition), composition);
    if (!canAsk(given)) return await listFirst(composition);
    return await chooseFirst(given, composition, stdout);
  },
};

async function run(
  request: RestoreRequest,
  composition: Composition,
): Promise<Spoken<PlannedRestore | RestoreResult>> {
  return await spokenRestore(await runFor(request, composition), "restore");
}

async function runFor(request: RestoreRequest, composition: Composition) {
  const { runRestore } = await import("../../jobs/restore/restore.ts");
  return await composition.run("restore", (context) => runRestore(context, request));
}

const canAsk = ({ json, quiet }: RestoreFlags) => json !== true && quiet !== true && canChoose();

/** On a terminal: choose, see the plan, and with --confirm say yes to it. */
async function chooseFirst(
  given: RestoreFlags,
  composition: Composition,
  stdout: Stdout,
): Promise<Spoken<PlannedRestore | RestoreResult>> {
  const { context } = composition;
  const { listBackups } = await import("../../jobs/catalog/list.ts");
  const backup = await chooseBackup(await listBackups(context), context.clock.now());
  const plan = await runFor(requestOf(backup, { ...given, confirm: false }, composition), composition); // prettier-ignore
  if (given.confirm !== true) return await spokenRestore(plan, "restore");
  if (plan.restored) return await spokenRestore(plan, "restore");
  const { createView } = await import("../../report/style.ts");
  const { formatPlan } = await import("../../report/text/restore-plan.ts");
  const { formatTarget } = await import("../../report/text/parts.ts");
  const { settings, clock } = context;
  const view = createView(process.stdout, settings.timezone, clock.now());
  await stdout.write(`${formatPlan(plan, view)}\n`);
  if (await isAgreed(`Restore ${backup} ${formatTarget(plan.target)} now?`))
    return await run(requestOf(backup, given, composition), composition);
  return { result: plan, text: () => "nothing was changed", isReport: false };
}

function requestOf(
  backup: string,
  given: RestoreFlags,
  { context: { clock, settings } }: Composition,
): RestoreRequest {
  const at = given.at === undefined ? null : parseMoment(given.at, clock.now(), settings.timezone);
  if (at === null && given.at !== undefined)
    throw usage(`--at ${JSON.stringify(given.at)} is no moment`, `It may be ${MOMENT_EXAMPLES}.`);
  return {
    backup,
    ...(at !== null && { at }),
    rename: readRenames(given.db),
    renameNamespaces: readRenames(given.ns, "--ns"),
    only: given.only ?? null,
    exclude: given.exclude ?? [],
    exact: given.exact ?? false,
    inPlace: given.inPlace ?? false,
    expiry: given.ttl !== false,
    skipPreBackup: given.skipPreBackup ?? false,
    forceVersion: given.forceVersion ?? false,
    useService: given.service !== false,
    engine: given.engine ?? "native",
    confirm: given.confirm ?? false,
  };
}

/** @throws KeepError usage */
function assertOneChoice(args: readonly string[], given: RestoreFlags): void {
  const choices = [args[0], given.at, given.resume, given.discardReplaced, given.dropAside];
  if (choices.filter((choice) => choice !== undefined).length > 1)
    throw usage(
      "a backup, --at, --resume and --discard-replaced exclude each other",
      "Give one of them.",
    );
  if (given.confirm === true && choices.every((choice) => choice === undefined) && !canAsk(given))
    throw usage(
      "--confirm needs the name of a backup",
      "mongokeep list shows them; latest is one.",
    );
}

async function discardReplaced(
  named: string | true,
  given: RestoreFlags,
  composition: Composition,
): Promise<Spoken<Discarded>> {
  const { runDiscard } = await import("../../jobs/restore/discard.ts");
  const { formatDiscarded } = await import("../../report/text/discarded.ts");
  const restoreId = named === true ? null : named;
  const confirm = given.confirm ?? false;
  const result = await composition.run("restore", (context) =>
    runDiscard(context, { restoreId, confirm }),
  );
  return { result, text: (view) => formatDiscarded(result, view), isReport: !result.planned };
}

export async function spokenRestore(
  result: PlannedRestore | RestoreResult,
  command: "restore" | "rollback",
): Promise<Spoken<PlannedRestore | RestoreResult>> {
  const { formatRestore } = await import("../../report/text/restore.ts");
  const text: Spoken<unknown>["text"] = (view) => formatRestore(result, command, view);
  return { result, text, isReport: result.restored };
}

/** `restore` alone: what could be restored. The JSON is that of `list`, said to be no restore. */
async function listFirst({ context }: Composition): Promise<Spoken<RestoreChoices>> {
  const { listBackups } = await import("../../jobs/catalog/list.ts");
  const { formatList } = await import("../../report/text/list.ts");
  const list = await listBackups(context);
  const none = { ok: true, planned: true, restored: false, backup: null, plan: null } as const;
  return {
    result: { ...none, ...list },
    text: (view) =>
      `${formatList(list, view)}\n\nto see what a restore would do: mongokeep restore <backup>`,
    isReport: false,
  };
}

function assertNamespaces(...names: readonly string[]): void {
  const wrong = names.find((name) => !/^[^.]+\../.test(name));
  if (wrong === undefined) return;
  throw usage(`--ns: ${JSON.stringify(wrong)} is no database.collection`, "Write --ns surg.patients=surg.patients_old."); // prettier-ignore
}
