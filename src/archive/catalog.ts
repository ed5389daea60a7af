// What lies in a backup folder. Reads only names, manifests and verifications, takes no lock, and never
// throws for what somebody else put there: a list that fails hides the good backups too.
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
import { ON_DISK } from "./place.ts";
import { readWhole } from "../storage/ranges.ts";
import { refusalOf } from "../storage/refusal.ts";
import type { Entry, ReadableStorage } from "../storage/storage.ts";
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

/** A manifest of 100,000 collections has some 100 MB; what is larger was not written by us. */
const LONGEST_TEXT = 256 * 1024 * 1024;
const NOT_A_FOLDER = "it is not a folder";

/**
 * Everything in `root` that is, was or looks like a backup, newest first. A missing root has none.
 * @throws KeepError backup-dir, only where the root itself cannot be read
 */
export async function listCatalog(
  root: string,
  { storage }: InStorage = ON_DISK,
): Promise<CatalogEntry[]> {
  const found: CatalogEntry[] = [];
  for (const entry of await readRoot(storage, root)) {
    const described = await describe(storage, root, entry);
    if (described) found.push(described);
  }
  return found.sort(newestFirst);
}

/** A place. What a backup says of itself is stored as it is: no transform is needed to list it. */
interface InStorage {
  readonly storage: ReadableStorage;
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

async function readRoot(storage: ReadableStorage, root: string): Promise<Entry[]> {
  try {
    return await storage.list(root);
  } catch (error) {
    if (refusalOf(error) === "missing") return [];
    throw folderProblem(root, error);
  }
}

/** null: not named like a backup. */
async function describe(
  storage: ReadableStorage,
  root: string,
  { name, kind }: Entry,
): Promise<CatalogEntry | null> {
  const path = join(root, name);
  if (isBackupId(name)) return await describeBackup(storage, path, name, kind);
  const partial = partialId(name);
  if (partial !== null)
    return { ...blank(partial, path), state: "partial", problem: "it was never finished" };
  if (!name.endsWith(DAMAGED_SUFFIX) || !isBackupId(name.slice(0, -DAMAGED_SUFFIX.length)))
    return null;
  if (kind !== "folder") return { ...blank(name, path), problem: NOT_A_FOLDER };
  return await describeDamaged(storage, path);
}

/** A backup that failed its own verification, with what that found, where the run could write it down. */
async function describeDamaged(storage: ReadableStorage, path: string): Promise<CatalogEntry> {
  const name = basename(path);
  const read = await readManifest(storage, path, null, DRAFT_FILE);
  const draft = "manifest" in read ? read.manifest : null;
  const id = draft?.id ?? name.slice(0, -DAMAGED_SUFFIX.length);
  const verification = await readVerification(storage, path, id);
  const [first] = verification?.problems ?? [];
  const what = first ? `: ${first.file}: ${first.problem}` : "";
  const problem = `it failed its own verification${what}`;
  return { ...blank(name, path), state: "damaged", verification, draft, problem };
}

/** null: no folder that was kept as damaged, or one that says nothing of itself. */
export async function readSetAside(
  path: string,
  { storage }: InStorage = ON_DISK,
): Promise<{ draft: Manifest; found: Verification | null } | null> {
  if ("manifest" in (await readManifest(storage, path, null))) return null;
  const { draft, verification } = await describeDamaged(storage, path);
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

async function describeBackup(
  storage: ReadableStorage,
  path: string,
  id: string,
  kind: Entry["kind"],
): Promise<CatalogEntry> {
  if (kind === "link") {
    return { ...blank(id, path), problem: "it is a symbolic link, which is not followed" };
  }
  if (kind !== "folder") return { ...blank(id, path), problem: NOT_A_FOLDER };
  const read = await readManifest(storage, path, id);
  if ("problem" in read) return { ...blank(id, path), problem: `${MANIFEST_FILE} ${read.problem}` };
  const verification = await readVerification(storage, path, id);
  return { id, path, manifest: read.manifest, ...judge(verification), verification };
}

/** A folder that may lie and be named anyhow: a backup that was moved, or a dump of the stock tools. */
export async function describeFolder(
  path: string,
  { storage }: InStorage = ON_DISK,
): Promise<CatalogEntry> {
  const id = basename(path);
  if (await readSetAside(path, { storage })) return await describeDamaged(storage, path);
  const read = await readManifest(storage, path, null);
  if ("problem" in read) return { ...blank(id, path), problem: `${MANIFEST_FILE} ${read.problem}` };
  const verification = await readVerification(storage, path, read.manifest.id);
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

async function readManifest(
  storage: ReadableStorage,
  path: string,
  id: string | null,
  file = MANIFEST_FILE,
): Promise<ParsedManifest> {
  const text = await readText(storage, join(path, file));
  if ("problem" in text) return { problem: `cannot be read: ${text.problem}` };
  const parsed = parseManifest(text.text);
  if ("problem" in parsed || id === null || parsed.manifest.id === id) return parsed;
  return { problem: `belongs to another backup, ${parsed.manifest.id}` };
}

async function readVerification(
  storage: ReadableStorage,
  path: string,
  id: string,
): Promise<Verification | null> {
  const read = await readText(storage, join(path, VERIFICATION_FILE));
  const verification = "text" in read ? parseVerification(read.text) : null;
  return verification?.id === id ? verification : null;
}

async function readText(
  storage: ReadableStorage,
  path: string,
): Promise<{ text: string } | { problem: string }> {
  try {
    return { text: (await readWhole(storage, path, LONGEST_TEXT)).toString("utf8") };
  } catch (error) {
    // The limit of open files says nothing about the backup.
    const limit = outOfFiles(error);
    if (limit) throw limit;
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}
