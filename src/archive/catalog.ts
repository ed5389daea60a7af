// What lies in a backup folder. Reads only names, manifests and verifications, takes no lock, and never
// throws for what somebody else put there: a list that fails hides the good backups too.
import { readdir } from "node:fs/promises";
import type { Dirent } from "node:fs";
import { join } from "node:path";
import {
  DAMAGED_SUFFIX,
  isBackupId,
  MANIFEST_FILE,
  PARTIAL_SUFFIX,
  VERIFICATION_FILE,
} from "./layout.ts";
import type { Manifest } from "./manifest.ts";
import { parseManifest } from "./manifest-check.ts";
import type { ParsedManifest } from "./manifest-check.ts";
import { openPlainFile } from "./open-file.ts";
import { parseVerification } from "./verification.ts";
import type { Verification } from "./verification.ts";
import { runPool } from "../util/task-pool.ts";

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
  /** What is wrong, for a person; null for a good one. */
  readonly problem: string | null;
}

const WIDTH = 16;
/** A manifest of 100,000 collections has some 100 MB; what is larger was not written by us. */
const LONGEST_TEXT = 256 * 1024 * 1024;
const NOT_A_FOLDER = "it is not a folder";

/**
 * Everything in `root` that is, was or looks like a backup, newest first. A missing root has none.
 * @throws only where the root itself cannot be read
 */
export async function listCatalog(root: string): Promise<CatalogEntry[]> {
  const names = await readRoot(root);
  const entries: CatalogEntry[] = [];
  await runPool(names, WIDTH, new AbortController().signal, async (entry) => {
    const described = await describe(root, entry);
    if (described) entries.push(described);
  });
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
    throw error;
  }
}

/** null: not named like a backup. */
async function describe(root: string, entry: Dirent): Promise<CatalogEntry | null> {
  const { name } = entry;
  const path = join(root, name);
  if (isBackupId(name)) return await describeBackup(path, name, entry);
  const partial = partialId(name);
  if (partial !== null)
    return { ...blank(partial, path), state: "partial", problem: "it was never finished" };
  if (!name.endsWith(DAMAGED_SUFFIX) || !isBackupId(name.slice(0, -DAMAGED_SUFFIX.length)))
    return null;
  if (!entry.isDirectory()) return { ...blank(name, path), problem: NOT_A_FOLDER };
  return { ...blank(name, path), state: "damaged", problem: "it failed its own verification" };
}

/** The id of a run's unfinished folder; null for any other name. */
export function partialId(name: string): string | null {
  if (!name.startsWith(".") || !name.endsWith(PARTIAL_SUFFIX)) return null;
  const id = name.slice(1, -PARTIAL_SUFFIX.length);
  return isBackupId(id) ? id : null;
}

const blank = (id: string, path: string) =>
  ({ id, path, state: "unreadable", manifest: null, verification: null, problem: null }) as const;

async function describeBackup(path: string, id: string, entry: Dirent): Promise<CatalogEntry> {
  if (entry.isSymbolicLink())
    return { ...blank(id, path), problem: "it is a symbolic link, which is not followed" };
  if (!entry.isDirectory()) return { ...blank(id, path), problem: NOT_A_FOLDER };
  const read = await readManifest(path, id);
  if ("problem" in read) return { ...blank(id, path), problem: `${MANIFEST_FILE} ${read.problem}` };
  const verification = await readVerification(path, id);
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

async function readManifest(path: string, id: string): Promise<ParsedManifest> {
  const text = await readText(join(path, MANIFEST_FILE));
  if ("problem" in text) return { problem: `cannot be read: ${text.problem}` };
  const parsed = parseManifest(text.text);
  if ("problem" in parsed || parsed.manifest.id === id) return parsed;
  return { problem: `belongs to another backup, ${parsed.manifest.id}` };
}

async function readVerification(path: string, id: string): Promise<Verification | null> {
  const read = await readText(join(path, VERIFICATION_FILE));
  const verification = "text" in read ? parseVerification(read.text) : null;
  return verification?.id === id ? verification : null;
}

async function readText(path: string): Promise<{ text: string } | { problem: string }> {
  try {
    const { file, bytes } = await openPlainFile(path);
    try {
      if (bytes > LONGEST_TEXT) return { problem: "it is too long" };
      return { text: await file.readFile("utf8") };
    } finally {
      await file.close();
    }
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}
