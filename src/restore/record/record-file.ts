// The files of a restore's record, as they are written. What must stay true: a step is on disk before it is done, so
// that a crash at any moment can be undone.
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
import { messageOf, redact } from "../../util/redact.ts";
import { together } from "../../util/together.ts";
import { escapeText } from "../../util/visible-text.ts";
import type { JournalEntry, RecordedPlan, RestoreRecord, StoredRecord } from "./record.ts";

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

/** Goes on with the record of a restore that was interrupted. */
export async function reopenRecord(stored: StoredRecord, clock: Clock): Promise<RestoreRecord> {
  return await openRecord(stored.path, stored.recorded, clock, 0);
}

/**
 * The same for live data that is between two states, or as planned already: that its record cannot be written any more is
 * reported, and keeps nobody from finishing or undoing it.
 */
export async function reopenLeniently(
  stored: StoredRecord,
  clock: Clock,
  emit: Emit,
): Promise<RestoreRecord> {
  try {
    return bestEffort(await reopenRecord(stored, clock), emit);
  } catch (error) {
    reportUnwritten(emit, error);
    const { id, path, recorded } = stored;
    const nothing = () => Promise.resolve();
    const writes = { journal: nothing, note: nothing, log: nothing, writeSwap: nothing };
    return { id, path, recorded, ...writes, close: nothing };
  }
}

function reportUnwritten(emit: Emit, error: unknown): void {
  const message = `the record of this restore cannot be written: ${messageOf(error)}`;
  emit({ kind: "log", level: "error", code: "record-not-written", message });
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
  // A line that a crash or a full disk cut short must not swallow the next one.
  let lead = flags === 0 ? "\n" : "";
  const append = async (entry: Omit<JournalEntry, "at">) => {
    const line: JournalEntry = { at: new Date(clock.now()).toISOString(), ...entry };
    const text = `${lead}${JSON.stringify(line)}\n`;
    lead = "";
    try {
      await journal.appendFile(text);
    } catch (error) {
      lead = "\n";
      throw error;
    }
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
 * cannot be written down. Failures are reported, once.
 */
export function bestEffort(record: RestoreRecord, emit: Emit): RestoreRecord {
  let told = false;
  const attempt = async (act: () => Promise<void>) => {
    try {
      await act();
    } catch (error) {
      if (told) return;
      told = true;
      reportUnwritten(emit, error);
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
