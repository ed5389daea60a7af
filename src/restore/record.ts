// The record of one restore: folder `restores/<id>/` with plan.json, journal.jsonl and restore.log.
// What must stay true: a step is on disk before it is done, so that a crash at any moment can be undone.
import { constants } from "node:fs";
import { lstat, mkdir, open, readdir, readFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { isBackupId } from "../archive/layout.ts";
import { KeepError } from "../errors.ts";
import type { Emit } from "../events.ts";
import type { Clock } from "../util/clock.ts";
import {
  createPrivateFolder,
  PRIVATE_FILE,
  PRIVATE_FOLDER,
  syncFolder,
  writeNewFile,
} from "../util/durable-file.ts";
import type { RestorePlan } from "./plan.ts";

export const STEPS = [
  "verify",
  "stop-service",
  "protect",
  "live-change",
  "drop",
  "create",
  "load",
  "index",
  "prove",
  "expire",
  "users",
  "undo",
  "start-service",
  "end",
] as const;
export type Step = (typeof STEPS)[number];

export interface JournalEntry {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly step: Step;
  readonly state: "begin" | "done" | "failed";
  readonly namespace?: string;
  /** `protect`: the id of the pre-restore backup, or null where there was nothing to protect. */
  readonly backup?: string | null;
  readonly message?: string;
}

/** What plan.json holds. */
export interface RecordedPlan {
  readonly schema: 1;
  readonly id: string;
  readonly createdAt: string;
  /** The restore that this one takes back; null for a restore of its own. */
  readonly rollbackOf: string | null;
  readonly plan: RestorePlan;
}

export type RestoreState =
  /** Ended or died before anything live was changed. */
  | "untouched"
  /** Died, or failed, after the first live change: needs a rollback. */
  | "broken"
  | "finished"
  /** Failed, and put back by itself. */
  | "undone"
  /** Taken back by a later rollback. */
  | "rolled-back";

export interface RestoreRecord {
  readonly id: string;
  readonly path: string;
  readonly recorded: RecordedPlan;
  /** Appends to the journal; on disk when it resolves. */
  journal(entry: Omit<JournalEntry, "at">): Promise<void>;
  /** Appends a line to restore.log. */
  log(line: string): Promise<void>;
  close(): Promise<void>;
}

export interface StoredRecord {
  readonly id: string;
  readonly path: string;
  readonly recorded: RecordedPlan;
  readonly entries: readonly JournalEntry[];
  readonly state: RestoreState;
}

export const restoresFolder = (root: string) => join(root, "restores");
const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

/** `id` must be free (see freeRestoreId). */
export async function createRecord(
  root: string,
  recorded: RecordedPlan,
  clock: Clock,
): Promise<RestoreRecord> {
  const path = join(restoresFolder(root), recorded.id);
  await mkdir(restoresFolder(root), { mode: PRIVATE_FOLDER, recursive: true });
  await createPrivateFolder(path);
  await writeNewFile(join(path, "plan.json"), `${JSON.stringify(recorded, null, 2)}\n`);
  const journal = await openAppend(join(path, "journal.jsonl"));
  const log = await openAppend(join(path, "restore.log"));
  await syncFolder(path);
  return {
    id: recorded.id,
    path,
    recorded,
    async journal(entry) {
      const line: JournalEntry = { at: new Date(clock.now()).toISOString(), ...entry };
      await journal.appendFile(`${JSON.stringify(line)}\n`);
      await journal.datasync();
    },
    async log(line) {
      await log.appendFile(`${new Date(clock.now()).toISOString()} ${line}\n`);
    },
    async close() {
      await log.sync();
      await log.close();
      await journal.close();
    },
  };
}

async function openAppend(path: string): Promise<FileHandle> {
  const file = await open(path, O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, PRIVATE_FILE);
  await file.chmod(PRIVATE_FILE);
  return file;
}

/**
 * The record for when live data is between two states: what must be done then must not fail because it
 * cannot be written down. Failures are told, once.
 */
export function bestEffort(record: RestoreRecord, emit: Emit): RestoreRecord {
  let told = false;
  const attempt = async (act: () => Promise<void>) => {
    try {
      await act();
    } catch (error) {
      if (told) return;
      told = true;
      const message = error instanceof Error ? error.message : String(error);
      emit({
        kind: "log",
        level: "error",
        code: "record-not-written",
        message: `the record of this restore cannot be written: ${message}`,
      });
    }
  };
  return {
    ...record,
    journal: (entry) => attempt(() => record.journal(entry)),
    log: (line) => attempt(() => record.log(line)),
    close: () => attempt(() => record.close()),
  };
}

/** All restores, newest first. A folder that cannot be read as a record is left out. */
export async function listRecords(root: string): Promise<StoredRecord[]> {
  const names = await readdir(restoresFolder(root)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [] as string[];
    throw error;
  });
  const ids = names.filter(isBackupId).sort().reverse();
  const read = await Promise.all(ids.map((id) => readRecord(root, id)));
  return settle(read.filter((record) => record !== null));
}

/** What a finished rollback took back needs nobody any more, nor do earlier tries to take it back. Pure. */
function settle(records: readonly StoredRecord[]): StoredRecord[] {
  const takenBack = new Set(
    records.filter((r) => r.state === "finished").map((r) => r.recorded.rollbackOf),
  );
  return records.map((r) => {
    const brokenTry = r.state === "broken" && takenBack.has(r.recorded.rollbackOf ?? "");
    return takenBack.has(r.id) || brokenTry ? { ...r, state: "rolled-back" } : r;
  });
}

/** null: no such restore, or nothing that can be read (it died before its plan was on disk). */
export async function readRecord(root: string, id: string): Promise<StoredRecord | null> {
  if (!isBackupId(id))
    throw new KeepError("usage", `${JSON.stringify(id)} is not the id of a restore`);
  const path = join(restoresFolder(root), id);
  const folder = await lstat(path).catch(() => null);
  if (folder?.isDirectory() !== true) return null;
  const plan = await readText(join(path, "plan.json"));
  if (plan === null) return null;
  const journal = (await readText(join(path, "journal.jsonl"))) ?? "";
  const recorded = parseLine(plan) as RecordedPlan | null;
  if (recorded === null) return null;
  const entries = journal
    .split("\n")
    .map((line) => parseLine(line) as JournalEntry | null)
    .filter((entry) => entry !== null);
  return { id, path, recorded, entries, state: stateOf(entries) };
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, { encoding: "utf8", flag: constants.O_RDONLY | O_NOFOLLOW });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** null for a line that a crash cut short. */
function parseLine(line: string): unknown {
  if (line.trim() === "") return null;
  try {
    return JSON.parse(line) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** What the journal says of the live data. Pure. */
export function stateOf(entries: readonly JournalEntry[]): RestoreState {
  const has = (step: Step, state: JournalEntry["state"]) =>
    entries.some((e) => e.step === step && e.state === state);
  if (!has("live-change", "begin")) return "untouched";
  if (has("undo", "done")) return "undone";
  return has("live-change", "done") ? "finished" : "broken";
}

/** The pre-restore backup that protects the state before it; null where there was nothing to protect. */
export function protectedBy(entries: readonly JournalEntry[]): string | null {
  return entries.findLast((e) => e.step === "protect" && e.state === "done")?.backup ?? null;
}
