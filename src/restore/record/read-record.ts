// Reads the records of restores with distrust: every file is checked against its schema. What must stay true: a
// record that cannot be read hides no other one, and is never taken for a restore that is over.
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { z } from "zod";
import { isBackupId } from "../../archive/layout.ts";
import { KeepError } from "../../errors.ts";
import { folderProblem } from "../../storage/folder-problem.ts";
import { messageOf } from "../../util/redact.ts";
import { runPool } from "../../util/task-pool.ts";
import { openPlainFile } from "../../storage/local-file.ts";
import { settle, stateOf } from "./record-state.ts";
import { JOURNAL_FILE, PLAN_FILE, restoresFolder, SWAP_FILE } from "./record-file.ts";
import type { JournalEntry, StoredRecord } from "./record.ts";
import { journalSchema, RECORD_SCHEMA, recordedSchema, swapSchema } from "./record-schema.ts";

/** A restore whose record is there, and cannot be read: of a newer version, damaged, or not ours to read. */
export interface UnreadableRecord {
  readonly id: string;
  readonly path: string;
  /** The file that cannot be read. */
  readonly file: string;
  /** Completes a sentence that begins with the file: "is not JSON". */
  readonly problem: string;
  /** What its journal says; null: that cannot be read either. */
  readonly entries: readonly JournalEntry[] | null;
  /** The backups that its files name; null: its plan is no text that names any. */
  readonly backups: readonly string[] | null;
}

export interface Records {
  /** Newest first. */
  readonly records: readonly StoredRecord[];
  readonly unreadable: readonly UnreadableRecord[];
  /** What was passed over in records that can be read, for a person. */
  readonly passedOver: readonly string[];
}

/** Few files at a time: a folder may hold years of restores. */
const WIDTH = 8;

/** All restores. A folder that holds no plan yet is none. */
export async function readRecords(root: string): Promise<Records> {
  const names = await readdir(restoresFolder(root)).catch((error: unknown) => {
    // A file in its place: who writes refuses that, and who only reads finds no restores.
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw folderProblem(restoresFolder(root), error);
  });
  const ids = names.filter(isBackupId).sort().reverse();
  const found = new Map<string, Found>();
  await runPool(ids, WIDTH, new AbortController().signal, async (id) => {
    const one = await readFolder(join(restoresFolder(root), id), id);
    if (one) found.set(id, one);
  });
  const inOrder = ids.flatMap((id) => found.get(id) ?? []);
  return {
    records: settle(inOrder.flatMap((one) => ("record" in one ? [one.record] : []))),
    unreadable: inOrder.flatMap((one) => ("unreadable" in one ? [one.unreadable] : [])),
    passedOver: inOrder.flatMap((one) => ("record" in one ? one.passedOver : [])),
  };
}

/** All restores whose record can be read, newest first. */
export async function listRecords(root: string): Promise<readonly StoredRecord[]> {
  return (await readRecords(root)).records;
}

/** One restore, with what later ones made of it; null: there is none. @throws KeepError usage, failed (unreadable) */
export async function findRestore(root: string, id: string): Promise<StoredRecord | null> {
  const known = (await listRecords(root)).find((r) => r.id === id);
  return known ?? (await readRecord(root, id));
}

/** null: there is none, or it was interrupted before its plan was on disk. @throws KeepError usage, failed (unreadable) */
export async function readRecord(root: string, id: string): Promise<StoredRecord | null> {
  if (!isBackupId(id))
    throw new KeepError("usage", `${JSON.stringify(id)} is not the id of a restore`);
  const found = await readFolder(join(restoresFolder(root), id), id);
  if (found && "unreadable" in found) throw unreadableError(found.unreadable);
  return found?.record ?? null;
}

export function unreadableError(one: UnreadableRecord): KeepError {
  const safety = one.entries?.findLast((e) => e.step === "protect" && e.state === "done")?.backup;
  const back = safety
    ? ` The backup ${safety} holds what was there before that restore: mongokeep restore ${safety}`
    : "";
  return new KeepError(
    "failed",
    `the record of the restore ${one.id} cannot be read: ${one.file} ${one.problem}`,
    {
      hint: `Use the version of mongokeep that made the restore, or repair the file.${back}`,
      details: { restoreId: one.id, file: one.file },
    },
  );
}

type Found =
  | { readonly record: StoredRecord; readonly passedOver: readonly string[] }
  | { readonly unreadable: UnreadableRecord };

async function readFolder(path: string, id: string): Promise<Found | null> {
  const folder = await lstat(path).catch(() => null);
  if (folder?.isDirectory() !== true) return null;
  const plan = await readText(join(path, PLAN_FILE));
  const journal = await readText(join(path, JOURNAL_FILE));
  const swap = await readText(join(path, SWAP_FILE));
  // It was interrupted before its plan was written whole; the journal comes after the plan.
  if (plan === null || (journal === null && !isWhole(plan))) return null;
  const recorded = parsePlan(plan, id);
  const lines = parseJournal(journal, swap !== null);
  const items = parseSwap(swap);
  const unreadable = (name: string, problem: string): Found => ({
    unreadable: {
      ...{ id, path, file: join(path, name), problem },
      entries: "problem" in lines ? null : lines.value.entries,
      backups: namedIn(plan, [journal, swap]),
    },
  });
  if ("problem" in recorded) return unreadable(PLAN_FILE, recorded.problem);
  if ("problem" in lines) return unreadable(JOURNAL_FILE, lines.problem);
  if ("problem" in items) return unreadable(SWAP_FILE, items.problem);
  const { entries, passedOver } = lines.value;
  return {
    record: {
      ...{ id, path, recorded: recorded.value, entries, swap: items.value },
      state: stateOf(entries),
    },
    passedOver: passedOver.map((line) => `${join(path, JOURNAL_FILE)}: ${line}`),
  };
}

type Checked<T> = { readonly value: T } | { readonly problem: string };
/** What a file holds; null where it is not there. */
type FileText = Checked<string> | null;

/** What is longer was not written by us. */
const LONGEST_BYTES = 256 * 1024 * 1024;
const WHY: Readonly<Record<string, string>> = {
  EACCES: "may not be read by this user",
  EPERM: "may not be read by this user",
};

async function readText(path: string): Promise<FileText> {
  try {
    const { file, bytes } = await openPlainFile(path);
    await using _file = file;
    if (bytes > LONGEST_BYTES) return { problem: "is too long for a file of ours" };
    return { value: await file.readFile("utf8") };
  } catch (error) {
    const { code = "" } = (
      error instanceof KeepError ? (error.cause ?? {}) : error
    ) as NodeJS.ErrnoException;
    if (code === "ENOENT") return null;
    if (error instanceof KeepError) return { problem: "is not a plain file" };
    return { problem: WHY[code] ?? `cannot be read: ${messageOf(error)}` };
  }
}

/** Whether a text may be more than the beginning of one. */
const isWhole = (text: FileText) => text !== null && !("problem" in parseJson(text));

function parsePlan(text: FileText, id: string) {
  const json = parseJson(text ?? { problem: "is missing" });
  if ("problem" in json) return json;
  const schema = (json.value as { readonly schema?: unknown } | null)?.schema;
  if (typeof schema === "number" && schema > RECORD_SCHEMA)
    return { problem: `was written by a newer mongokeep (schema ${schema})` };
  const checked = check(recordedSchema, json.value);
  if ("problem" in checked || checked.value.id === id) return checked;
  return { problem: `is the plan of another restore, ${checked.value.id}` };
}

function parseSwap(text: FileText) {
  if (text === null) return { value: null };
  const json = parseJson(text);
  return "problem" in json ? json : check(swapSchema, json.value);
}

interface Journal {
  readonly entries: readonly JournalEntry[];
  readonly passedOver: readonly string[];
}

/**
 * The lines that are entries. Others are passed over with a word, unless a crash cut them short. A journal without
 * any, of a restore that came to its swap, says nothing of what was done.
 */
function parseJournal(text: FileText, hasSwap: boolean): Checked<Journal> {
  if (text !== null && "problem" in text) return text;
  const read = (text?.value ?? "").split("\n").flatMap((line, n) => {
    if (line.trim() === "") return [];
    return [{ number: n + 1, isCut: line.startsWith(BEGINNING), found: parseEntry(line) }];
  });
  const entries = read.flatMap(({ found }) => ("value" in found ? [found.value] : []));
  if (entries.length === 0 && (hasSwap || read.length > 0))
    return { problem: "holds no line that can be read" };
  const passedOver = read.flatMap(({ found, number, isCut }) => {
    if (!("problem" in found) || (isCut && found.problem === NOT_JSON)) return [];
    return [`line ${number} is passed over: it ${found.problem}`];
  });
  return { value: { entries, passedOver } };
}

/** How every line that we write begins. */
const BEGINNING = '{"at":"';
const NOT_JSON = "is not JSON";

function parseEntry(line: string): Checked<JournalEntry> {
  const json = parseJson({ value: line });
  return "problem" in json ? json : check(journalSchema, json.value);
}

function parseJson(text: Checked<string>): Checked<unknown> {
  if ("problem" in text) return text;
  try {
    return { value: JSON.parse(text.value) as unknown };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return { problem: NOT_JSON };
    throw error;
  }
}

function check<T>(schema: z.ZodType<T>, value: unknown): Checked<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return { value: parsed.data };
  const [issue] = parsed.error.issues;
  const field = issue?.path.join(".") ?? "";
  return {
    problem: `is no record of a restore: ${field === "" ? "" : `${field}: `}${issue?.message ?? ""}`,
  };
}

const IDS = /\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d/g;

/**
 * The backups that the files name; null where the plan is no JSON. A backup may have been begun in the second that gave
 * the restore its id, so only the plan's own field `id` is left out.
 */
function namedIn(plan: FileText, others: readonly FileText[]): string[] | null {
  const own = plan && parseJson(plan);
  if (!own || "problem" in own || typeof own.value !== "object" || own.value === null) return null;
  const named = JSON.stringify({ ...own.value, id: undefined });
  const texts = others.flatMap((one) => (one && "value" in one ? [one.value] : []));
  return [...new Set([named, ...texts].flatMap((one) => one.match(IDS) ?? []))];
}
