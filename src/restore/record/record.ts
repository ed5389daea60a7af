// The record of one restore: folder `restores/<id>/` with plan.json, swap.json (staged ones), journal.jsonl
// and restore.log.
// What must stay true: a step is on disk before it is done, so that a crash at any moment can be undone.
import { constants } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { KeepError } from "../../errors.ts";
import type { Emit } from "../../events.ts";
import type { Clock } from "../../util/clock.ts";
import {
  createPrivateFolder,
  PRIVATE_FILE,
  PRIVATE_FOLDER,
  replaceFile,
  syncFolder,
  writeNewFile,
} from "../../util/durable-file.ts";
import { redact } from "../../util/redact.ts";
import { together } from "../../util/together.ts";
import { escapeText } from "../../util/visible-text.ts";
import type { ClusterTime } from "../../mongo/server-info.ts";
import type { RestorePlan } from "../plan/plan.ts";
import type { StoredRequest } from "./request.ts";
import type { SwapItem } from "../swap/swap-plan.ts";

export const STEPS = [
  "verify",
  "stop-service",
  "protect",
  "stage",
  "live-change",
  "swap",
  "swap-back",
  "drop",
  "create",
  "load",
  "index",
  "prove",
  "replay",
  "expire",
  "users",
  "undo",
  "aside",
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
  /** `protect`: only of what is handled in place, right before it is. */
  readonly scope?: "in-place";
  /** `aside`: what was set aside of a namespace. */
  readonly aside?: AsideFacts;
  /** `prove`: what was found in what was staged. */
  readonly proved?: { readonly documents: number; readonly contentHash: string };
  /** `live-change`: the server's newest entry right before, where it has an oplog. */
  readonly time?: ClusterTime;
  /** `end`: what was measured, for the estimates of later plans. */
  readonly rate?: { readonly rawBytes: number; readonly loadSeconds: number };
}

export interface AsideFacts {
  readonly collection: string;
  readonly documents: number | null;
  /** Whether the backup from before the restore holds all of it: nothing was written to it afterwards. */
  readonly inBackup: boolean;
  /** What was proved to be in that backup; null where it was not. */
  readonly contentHash?: string | null;
  readonly lateWrites: number | null;
}

/** What plan.json holds. */
export interface RecordedPlan {
  readonly schema: 1;
  readonly id: string;
  readonly createdAt: string;
  /** The restore that this one takes back; null for a restore of its own. */
  readonly rollbackOf: string | null;
  readonly plan: RestorePlan;
  /** What was asked for, so that it can be run again; absent in records of rollbacks. */
  readonly request?: StoredRequest;
}

export type RestoreState =
  /** Ended or died before anything live was changed. */
  | "untouched"
  /** Died, or failed, after the first live change: needs a rollback. */
  | "broken"
  /** The data is as planned, but it died before its last steps: the service, expiry. */
  | "unfinished"
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
  /** The same without waiting for the disk: for what the next look at the server tells as well. */
  note(entry: Omit<JournalEntry, "at">): Promise<void>;
  /** Appends a line to restore.log, and lines that belong to it; nothing in them can look like another line. */
  log(line: string, more?: readonly string[]): Promise<void>;
  /** Writes swap.json: before the first rename. */
  writeSwap(items: readonly SwapItem[]): Promise<void>;
  close(): Promise<void>;
}

export interface StoredRecord {
  readonly id: string;
  readonly path: string;
  readonly recorded: RecordedPlan;
  readonly entries: readonly JournalEntry[];
  /** null: nothing was to be swapped, or it did not come to that. */
  readonly swap: readonly SwapItem[] | null;
  readonly state: RestoreState;
}

export const restoresFolder = (root: string) => join(root, "restores");

/** By it the safety backup of a restore is found where its record cannot be read. */
export const safetyNote = (restoreId: string) => `before restore ${restoreId}`;
const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;

/** `id` must be free (see freeRestoreId). */
export async function createRecord(
  root: string,
  recorded: RecordedPlan,
  clock: Clock,
): Promise<RestoreRecord> {
  const path = join(restoresFolder(root), recorded.id);
  await mkdir(restoresFolder(root), { mode: PRIVATE_FOLDER, recursive: true });
  await createPrivateFolder(path);
  await writeNewFile(join(path, PLAN_FILE), `${JSON.stringify(recorded, null, 2)}\n`);
  return await openRecord(path, recorded, clock, O_EXCL);
}

/** Goes on with the record of a restore that died. */
export async function reopenRecord(stored: StoredRecord, clock: Clock): Promise<RestoreRecord> {
  return await openRecord(stored.path, stored.recorded, clock, 0);
}

async function openRecord(
  path: string,
  recorded: RecordedPlan,
  clock: Clock,
  flags: number,
): Promise<RestoreRecord> {
  const journal = await openAppend(join(path, JOURNAL_FILE), flags);
  const log = await openAppend(join(path, "restore.log"), flags).catch(async (error: unknown) => {
    await journal.close();
    throw error;
  });
  await syncFolder(path);
  let logged: Promise<void> = Promise.resolve();
  // A line that a crash cut short must not swallow the next one.
  let lead = flags === 0 ? "\n" : "";
  const append = async (entry: Omit<JournalEntry, "at">) => {
    const line: JournalEntry = { at: new Date(clock.now()).toISOString(), ...entry };
    const text = `${lead}${JSON.stringify(line)}\n`;
    lead = "";
    await journal.appendFile(text);
  };
  // Many entries at the same time are on disk by one flush.
  const flush = together(() => journal.datasync());
  return {
    id: recorded.id,
    path,
    recorded,
    async journal(entry) {
      await append(entry);
      await flush();
    },
    note: append,
    async log(line, more = []) {
      const lines = [`${new Date(clock.now()).toISOString()} ${line}`, ...more.map(indent)];
      const text = lines.map((one) => `${escapeText(redact(one))}\n`).join("");
      // One after the other, and all of them before it is closed.
      const write = () => log.appendFile(text);
      logged = logged.then(write, write);
      await logged;
    },
    async writeSwap(items) {
      await replaceFile(join(path, SWAP_FILE), `${JSON.stringify(items, null, 2)}\n`);
    },
    async close() {
      await Promise.allSettled([logged]);
      await log.sync();
      await log.close();
      await journal.close();
    },
  };
}

const indent = (line: string) => `    ${line}`;

export const PLAN_FILE = "plan.json";
export const JOURNAL_FILE = "journal.jsonl";
export const SWAP_FILE = "swap.json";

async function openAppend(path: string, flags: number): Promise<FileHandle> {
  // O_NONBLOCK: a FIFO that nobody reads would be waited for.
  const all = O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_WRONLY | flags;
  const file = await open(path, all, PRIVATE_FILE).catch((error: unknown) => {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!["ELOOP", "ENXIO", "EISDIR"].includes(code)) throw error;
    throw new KeepError("backup-dir", `${path} is not a plain file`, { cause: error });
  });
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
    note: (entry) => attempt(() => record.note(entry)),
    log: (line, more) => attempt(() => record.log(line, more)),
    writeSwap: (items) => attempt(() => record.writeSwap(items)),
    close: () => attempt(() => record.close()),
  };
}

/** An undo's steps on namespaces go to the log alone: those in the journal are the restore's. */
export const withoutJournal = (record: RestoreRecord): RestoreRecord => ({
  ...record,
  journal: () => Promise.resolve(),
  note: () => Promise.resolve(),
});

/** The live data is what the plan said. */
export const isApplied = (state: RestoreState) => state === "finished" || state === "unfinished";

/**
 * What a finished rollback took back needs nobody any more, nor do earlier tries to take it back. A rollback
 * that was itself taken back counts for nothing. `records` newest first. Pure.
 */
export function settle(records: readonly StoredRecord[]): StoredRecord[] {
  const takenBack = new Set<string>();
  return records.map((r) => {
    const { rollbackOf } = r.recorded;
    const brokenTry = r.state === "broken" && takenBack.has(rollbackOf ?? "");
    if (takenBack.has(r.id) || brokenTry) return { ...r, state: "rolled-back" };
    if (isApplied(r.state) && rollbackOf !== null) takenBack.add(rollbackOf);
    return r;
  });
}

/** Whether it is neither finished nor taken back: what it set aside and staged is needed still. */
export const isBetween = ({ state }: StoredRecord) => state === "broken" || state === "unfinished";

/**
 * The names under which restores that are between two states find what they need: a rollback needs what the
 * restore before it had set aside.
 */
export function neededBy(records: readonly StoredRecord[]): Set<string> {
  const items = records.filter(isBetween).flatMap((r) => r.swap ?? []);
  return new Set(
    items.flatMap(({ database, old, new: next }) =>
      [old, next].flatMap((s) => (s.kind === "collection" ? [`${database}.${s.parked}`] : [])),
    ),
  );
}

/** What the journal says of the live data: its last word, for a resumed restore changes and undoes again. Pure. */
export function stateOf(entries: readonly JournalEntry[]): RestoreState {
  const last = (step: Step, ...states: readonly JournalEntry["state"][]) =>
    entries.findLastIndex((e) => e.step === step && states.includes(e.state));
  const changed = last("live-change", "done");
  const undone = last("undo", "done");
  // A rename is told even where the line that announced the whole change cannot be read any more.
  if (last("live-change", "begin", "done") < 0 && last("swap", "begin", "done") < 0)
    return "untouched";
  if (undone > changed) return "undone";
  if (changed < 0 || last("undo", "begin") > changed) return "broken";
  return last("end", "done", "failed") > changed ? "finished" : "unfinished";
}

/** Whether the run itself said how it ended; else it died, or runs still. */
export function hasEnded(entries: readonly JournalEntry[]): boolean {
  return entries.some((e) => e.step === "end");
}

/** The pre-restore backup that protects the state before it; null where there was nothing to protect. */
export function protectedBy(
  entries: readonly JournalEntry[],
  scope?: JournalEntry["scope"],
): string | null {
  const last = entries.findLast(
    (e) => e.step === "protect" && e.state === "done" && e.scope === scope,
  );
  return last?.backup ?? null;
}

/** Whether the restore stopped the service, or was about to, and has not started it again. */
export function leftStopped(entries: readonly JournalEntry[]): boolean {
  const stopped = entries.findLastIndex((e) => e.step === "stop-service");
  const started = entries.findLastIndex((e) => e.step === "start-service" && e.state === "done");
  return stopped > started;
}

/** It died before the first live change: what it left beside the live data is of no use. */
export const diedUntouched = ({ state, entries }: StoredRecord) =>
  state === "untouched" && !hasEnded(entries);
