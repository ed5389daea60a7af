// The .gitignore in BACKUP_DIR, which keeps `git add -A` from taking patient data. What counts is what it says: a file
// that a full disk left empty, or that somebody edited, hides nothing.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { replaceFile } from "../util/durable-file.ts";

const ALL = "*";

const ignorePath = (folder: string) => join(folder, ".gitignore");

/** Whether these rules ignore everything: git takes the last one that matches (gitignore(5)). */
export function ignoresAll(text: string): boolean {
  // As git does: without a carriage return and spaces at a line's end.
  const rules = text.split("\n").map((line) => line.replace(/ *\r?$/, ""));
  return (
    !rules.slice(rules.lastIndexOf(ALL)).some((rule) => rule.startsWith("!")) && rules.includes(ALL)
  );
}

/** Whether the folder's .gitignore does its work; false where there is none. */
export async function isHiddenFromGit(folder: string): Promise<boolean> {
  return ignoresAll((await readRules(folder)) ?? "");
}

/** Writes the .gitignore, or adds what is missing to one that is there. On disk when it returns. */
export async function hideFromGit(folder: string): Promise<void> {
  const rules = (await readRules(folder)) ?? "";
  if (ignoresAll(rules)) return;
  const own = rules === "" || rules.endsWith("\n") ? rules : `${rules}\n`;
  await replaceFile(ignorePath(folder), `${own.trim() === "" ? "" : own}${ALL}\n`);
}

async function readRules(folder: string): Promise<string | null> {
  try {
    return await readFile(ignorePath(folder), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
