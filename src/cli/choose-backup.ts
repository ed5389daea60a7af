// Lets a person choose a backup on a terminal with the arrow keys, with the important facts beside each one.
import { KeepError } from "../errors.ts";
import type { ListedBackup, ListResult } from "../jobs/results.ts";
import { formatTable } from "../report/table.ts";
import { formatAge } from "../report/times.ts";
import { escapeText } from "../report/escape.ts";
import { formatBytes } from "../util/units.ts";

/** A person is there and sees it. */
export const canChoose = () => process.stdin.isTTY && process.stdout.isTTY;

/** What the prompt keeps free beside a label: bar and mark, and the colours of its bar, which it counts as width. */
const MARGIN = 16;

/** The id of the chosen one. @throws KeepError interrupted (Esc, Ctrl-C), backup-not-found (there is none) */
export async function chooseBackup({ backups }: ListResult, nowMs: number): Promise<string> {
  const choices = choicesOf(backups, nowMs, process.stdout.columns - MARGIN);
  if (choices.length === 0)
    throw new KeepError("backup-not-found", "no backup can be restored", {
      hint: "mongokeep list shows all backups and their state.",
    });
  // Loaded only when needed: `list` and `--help` are faster without it.
  const { isCancel, select } = await import("@clack/prompts");
  const latest = backups.find(({ isLatest }) => isLatest)?.id;
  const chosen = await select({
    message: "Which backup? (nothing is changed yet)",
    maxItems: 12,
    options: choices,
    ...(choices.some(({ value }) => value === latest) && { initialValue: latest }),
  });
  if (isCancel(chosen)) throw new KeepError("interrupted", "no backup was chosen");
  return String(chosen);
}

export interface Choice {
  readonly value: string;
  readonly label: string;
}

/** Backups that can be restored, each with what distinguishes it from the others; facts without room are dropped. */
export function choicesOf(
  backups: readonly ListedBackup[],
  nowMs: number,
  columns: number,
): Choice[] {
  const whole = backups.filter(({ state }) => state === "good" || state === "unverified");
  const rows = whole.map((one) => [
    one.id,
    one.type ?? "",
    one.createdAt === null ? "" : formatAge(Date.parse(one.createdAt), nowMs).replace(" ago", ""),
    one.totals === null ? "" : formatBytes(one.totals.storedBytes),
    // The latest one is always good.
    one.isLatest ? "← latest" : one.state,
    one.note === null ? "" : escapeText(one.note),
  ]);
  const head = ["", "type", "age", "size", "state", "note"];
  const fit = { columns, drop: ["note"], cut: "note" };
  const lines = formatTable(head, rows, ["left", "left", "right", "right"], fit).split("\n"); // prettier-ignore
  return whole.map(({ id: value }, n) => ({ value, label: (lines[n + 1] ?? value).trim() }));
}

/** false: the person answered No. @throws KeepError interrupted (Esc, Ctrl-C) */
export async function isAgreed(question: string): Promise<boolean> {
  const { confirm, isCancel } = await import("@clack/prompts");
  const answer = await confirm({ message: question, initialValue: false });
  if (isCancel(answer)) throw new KeepError("interrupted", "the question was not answered");
  return answer;
}
