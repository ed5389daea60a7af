// Lets a person choose a backup on a terminal: the arrow keys, with what is worth knowing of each beside it.
import { KeepError } from "../errors.ts";
import type { ListedBackup, ListResult } from "../jobs/results.ts";
import { escapeText } from "../report/escape.ts";
import { formatAge } from "../report/times.ts";
import { formatBytes, formatCount } from "../util/units.ts";

/** Somebody sits there, and sees it. */
export const canChoose = () => process.stdin.isTTY && process.stdout.isTTY;

/** The id of the chosen one. @throws KeepError interrupted (Esc, Ctrl-C), backup-not-found (there is none) */
export async function chooseBackup({ backups }: ListResult, nowMs: number): Promise<string> {
  const whole = backups.filter(({ state }) => state === "good" || state === "unverified");
  if (whole.length === 0)
    throw new KeepError("backup-not-found", "there is no backup that could be restored", {
      hint: "mongokeep list shows what is there.",
    });
  // Loaded where it is needed: `list` and `--help` are faster without it.
  const { isCancel, select } = await import("@clack/prompts");
  const chosen = await select({
    message: "Which backup? (nothing is changed yet)",
    maxItems: 12,
    options: whole.map((one) => ({ value: one.id, label: one.id, hint: describe(one, nowMs) })),
  });
  if (isCancel(chosen)) throw new KeepError("interrupted", "no backup was chosen");
  return chosen;
}

/** @throws KeepError interrupted unless the person says yes */
export async function assertAgreed(question: string): Promise<void> {
  const { confirm } = await import("@clack/prompts");
  if ((await confirm({ message: question, initialValue: false })) !== true)
    throw new KeepError("interrupted", "not confirmed: nothing was changed");
}

function describe(backup: ListedBackup, nowMs: number): string {
  const { createdAt, totals, type, state, verification, note } = backup;
  return [
    createdAt === null ? null : formatAge(Date.parse(createdAt), nowMs),
    totals === null ? null : formatBytes(totals.storedBytes),
    totals === null ? null : `${formatCount(totals.documents)} documents`,
    type,
    state === "good" ? `verified (${verification?.level ?? "full"})` : state,
    note === null ? null : escapeText(note),
  ]
    .filter((part) => part !== null)
    .join(", ");
}
