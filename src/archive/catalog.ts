// What lies in a backup folder. Reads only names, manifests and verifications, takes no lock, and never
// throws for what somebody else put there: a list that fails hides the good backups too.
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import type { Dirent } from "node:fs";
import { basename, join } from "node:path";
import { outOfFiles } from "../errors.ts";
import { folderProblem } from "../storage/folder-problem.ts";
import {
  DAMAGED_SUFFIX,
  DRAFT_FILE,
  isBackupId,
  MANIFEST_FILE,
  PARTIAL_SUFFIX,
  VERIFICATION_FILE,
} from "./layout.ts";
import type { Manifest } from "./manifest.ts";
import { parseManifest } from "./manifest-check.ts";
import type { ParsedManifest } from "./manifest-check.ts";
import { parseVerification } from "./verification.ts";
import type { Verification } from "./verification.ts";

/**
 * `good`: sealed, and its last verification passed. `unverified`: sealed, with no verification that can
 * be read. `damaged`: its last verification failed, or set aside as `<id>.damaged`. `unreadable`: named
 * like a backup, and no manifest of its own can be trusted. `partial`: a run at work, or one that died.
 */
export type CatalogState = "good" | "unverified" | "damaged" | "unreadable" | "partial";

export interface CatalogEntry {
  /** The id; for a damaged folder with its suffix, so that each entry's is its own. */
  readonly id: string;
  /** Absolute where the root is. */
  readonly path: string;
  readonly state: CatalogState;
  /** null unless it can be trusted. */
  readonly manifest: Manifest | null;
  readonly verification: Verification | null;
  /** What `<id>.damaged` was to be: nothing restores by it. Absent for all others. */
  readonly draft?: Manifest | null;
  /** What is wrong, for a person; null for a good one. */
  readonly problem: string | null;
}

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
/** A manifest of 100,000 collections has some 100 MB; what is larger was not written by us. */
const LONGEST_TEXT = 256 * 1024 * 1024;
const NOT_A_FOLDER = "it is not a folder";

/**
 * Everything in `root` that is, was or looks like a backup, newest first. A missing root has none.
 * @throws KeepError backup-dir, only where the root itself cannot be read
 */
export async function listCatalog(root: string): Promise<CatalogEntry[]> {
  const entries = (await readRoot(root)).flatMap((entry) => describe(root, entry) ?? []);
  return entries.sort(newestFirst);
}

/** The order of every list: by the moment the backup began, where that is known, else by its name. */
function newestFirst(a: CatalogEntry, b: CatalogEntry): number {
  const [left, right] = [sortKey(a), sortKey(b)];
  if (left !== right) return left < right ? 1 : -1;
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}

function sortKey({ id, manifest }: CatalogEntry): string {
  if (manifest) return new Date(manifest.createdAt).toISOString();
  const [date = "", time = ""] = id.split("_");
  return `${date}T${time.slice(0, 8).replaceAll("-", ":")}.000Z`;
}

async function readRoot(root: string): Promise<Dirent[]> {
  try {
    return await readdir(root, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw folderProblem(root, error);
  }
}

/** null: not named like a backup. */
function describe(root: string, entry: Dirent): CatalogEntry | null {
  const { name } = entry;
  const path = join(root, name);
  if (isBackupId(name)) return describeBackup(path, name, entry);
  const partial = partialId(name);
  if (partial !== null)
    return { ...blank(partial, path), state: "partial", problem: "it was never finished" };
  if (!name.endsWith(DAMAGED_SUFFIX) || !isBackupId(name.slice(0, -DAMAGED_SUFFIX.length)))
    return null;
  if (!entry.isDirectory()) return { ...blank(name, path), problem: NOT_A_FOLDER };
  return describeDamaged(path);
}

/** What its own run set aside, with what that found, where it could write it down. */
function describeDamaged(path: string): CatalogEntry {
  const name = basename(path);
  const read = readManifest(path, null, DRAFT_FILE);
  const draft = "manifest" in read ? read.manifest : null;
  const id = draft?.id ?? name.slice(0, -DAMAGED_SUFFIX.length);
  const verification = readVerification(path, id);
  const [first] = verification?.problems ?? [];
  const what = first ? `: ${first.file}: ${first.problem}` : "";
  const problem = `it failed its own verification${what}`;
  return { ...blank(name, path), state: "damaged", verification, draft, problem };
}

/** null: no folder that was set aside as damaged, or one that says nothing of itself. */
export function readSetAside(path: string): { draft: Manifest; found: Verification | null } | null {
  if ("manifest" in readManifest(path, null)) return null;
  const { draft, verification } = describeDamaged(path);
  return draft ? { draft, found: verification } : null;
}

/** The id of a run's unfinished folder; null for any other name. */
export function partialId(name: string): string | null {
  if (!name.startsWith(".") || !name.endsWith(PARTIAL_SUFFIX)) return null;
  const id = name.slice(1, -PARTIAL_SUFFIX.length);
  return isBackupId(id) ? id : null;
}

const blank = (id: string, path: string) =>
  ({ id, path, state: "unreadable", manifest: null, verification: null, problem: null }) as const;

function describeBackup(path: string, id: string, entry: Dirent): CatalogEntry {
  if (entry.isSymbolicLink())
    return { ...blank(id, path), problem: "it is a symbolic link, which is not followed" };
  if (!entry.isDirectory()) return { ...blank(id, path), problem: NOT_A_FOLDER };
  const read = readManifest(path, id);
  if ("problem" in read) return { ...blank(id, path), problem: `${MANIFEST_FILE} ${read.problem}` };
  const verification = readVerification(path, id);
  return { id, path, manifest: read.manifest, ...judge(verification), verification };
}

/** A folder that may lie and be named anyhow: a backup that was moved, or a dump of the stock tools. */
export function describeFolder(path: string): CatalogEntry {
  const id = basename(path);
  if (readSetAside(path)) return describeDamaged(path);
  const read = readManifest(path, null);
  if ("problem" in read) return { ...blank(id, path), problem: `${MANIFEST_FILE} ${read.problem}` };
  const verification = readVerification(path, read.manifest.id);
  return { id, path, manifest: read.manifest, ...judge(verification), verification };
}

function judge(verification: Verification | null): Pick<CatalogEntry, "state" | "problem"> {
  if (verification === null)
    return { state: "unverified", problem: "it has no verification that can be read" };
  if (verification.ok) return { state: "good", problem: null };
  const [first] = verification.problems;
  const problem = first ? `${first.file}: ${first.problem}` : "its verification failed";
  return { state: "damaged", problem };
}

function readManifest(path: string, id: string | null, file = MANIFEST_FILE): ParsedManifest {
  const text = readText(join(path, file));
  if ("problem" in text) return { problem: `cannot be read: ${text.problem}` };
  const parsed = parseManifest(text.text);
  if ("problem" in parsed || id === null || parsed.manifest.id === id) return parsed;
  return { problem: `belongs to another backup, ${parsed.manifest.id}` };
}

function readVerification(path: string, id: string): Verification | null {
  const read = readText(join(path, VERIFICATION_FILE));
  const verification = "text" in read ? parseVerification(read.text) : null;
  return verification?.id === id ? verification : null;
}

/**
 * At once, not through the thread pool: for thousands of small files that takes a third of the time.
 * O_NONBLOCK lets nothing wait for the writer of a FIFO.
 */
function readText(path: string): { text: string } | { problem: string } {
  let file: number | null = null;
  try {
    file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const stat = fstatSync(file);
    if (!stat.isFile()) return { problem: "it is not a plain file" };
    if (stat.size > LONGEST_TEXT) return { problem: "it is too long" };
    return { text: readFileSync(file, "utf8") };
  } catch (error) {
    // Says nothing about the backup.
    const limit = outOfFiles(error);
    if (limit) throw limit;
    return { problem: reasonOf(error as NodeJS.ErrnoException) };
  } finally {
    if (file !== null) closeSync(file);
  }
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === "ENOENT") return "the file is missing";
  return code === "ELOOP" || code === "ENXIO" ? "it is not a plain file" : message;
}
