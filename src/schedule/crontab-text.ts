// Edits the text of a crontab: a marked block for each project and part; every other byte is unchanged. The text is
// bytes as latin1, so that text that is not UTF-8 survives; `toText` converts names.
import { KeepError } from "../errors.ts";

/** A path or line in the encoding of the text. */
export const toText = (value: string) => Buffer.from(value, "utf8").toString("latin1");
export const fromText = (text: string) => Buffer.from(text, "latin1").toString("utf8");

/** What mongokeep writes between its marks; other lines there belong to the user, and are kept. */
const OURS =
  /^(?:[^\s#]+ ){5}cd .+ && .+ (?:backup|status --alert|drill)(?: --env-file .+)? >> .+ 2>&1\r?$/;

/** Parts that are installed and removed separately: the nightly runs, the drills. Each has its own block. */
export type SchedulePart = "nightly" | "drill";

interface Block {
  /** Offsets of the whole block, including the newline of its end mark. */
  readonly start: number;
  readonly end: number;
  /** Its lines, with their ends. */
  readonly lines: readonly string[];
}

/** The lines of this project's block that cron runs, without line ends; empty if there is none. */
export function readBlock(text: string, project: string, part: SchedulePart = "nightly"): string[] {
  return findBlocks(text, marksOf(project, part))
    .flatMap(({ lines }) => lines)
    .map(withoutEnd)
    .filter((line) => OURS.test(line));
}

/** Puts `lines` into the project's block, which is created at the end if it is missing. Idempotent. */
export function installBlock(
  text: string,
  project: string,
  lines: readonly string[],
  part: SchedulePart = "nightly",
): string {
  const marks = marksOf(project, part);
  const [first] = findBlocks(text, marks);
  const block = [marks.begin, ...lines, marks.end].map((line) => `${line}\n`).join("");
  if (!first) return text + (text === "" || text.endsWith("\n") ? "" : "\n") + block;
  const before = text.slice(0, first.start);
  return before + block + foreign(first) + removeBlock(text.slice(first.end), project, part);
}

/** Removes the project's block, and nothing else. */
export function removeBlock(text: string, project: string, part: SchedulePart = "nightly"): string {
  const [first] = findBlocks(text, marksOf(project, part));
  if (!first) return text;
  const after = removeBlock(text.slice(first.end), project, part);
  return text.slice(0, first.start) + foreign(first) + after;
}

interface Marks {
  readonly project: string;
  readonly begin: string;
  readonly end: string;
}

function marksOf(project: string, part: SchedulePart): Marks {
  const name = part === "nightly" ? "mongokeep" : "mongokeep drill";
  const mark = (which: string) => `# ${name} ${which} ${toText(project)}`;
  return { project, begin: mark("begin"), end: mark("end") };
}

const withoutEnd = (line: string) => line.replace(/\r?\n?$/, "");

function foreign({ lines }: Block): string {
  return lines.filter((line) => !OURS.test(withoutEnd(line))).join("");
}

function findBlocks(text: string, marks: Marks): Block[] {
  const blocks: Block[] = [];
  let open: { start: number; lines: string[] } | null = null;
  let at = 0;
  for (const line of text.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
    const start = at;
    at += line.length;
    const bare = withoutEnd(line);
    if (bare === marks.begin) {
      if (open) throw unbalanced(marks.project);
      open = { start, lines: [] };
    } else if (bare === marks.end) {
      if (!open) throw unbalanced(marks.project);
      blocks.push({ ...open, end: at });
      open = null;
    } else open?.lines.push(line);
  }
  if (open) throw unbalanced(marks.project);
  return blocks;
}

function unbalanced(project: string): KeepError {
  return new KeepError(
    "failed",
    `the crontab has only one of the two mongokeep marks of ${project}`,
    {
      hint: "Run crontab -e and remove what is left of the block between “# mongokeep begin” and “# mongokeep end”.",
    },
  );
}
