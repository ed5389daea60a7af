// A backup while it is made: `.<id>.partial`, sealed by its manifest and a rename, or set aside, or removed.
// What must stay true: data → checksums → manifest → rename, each on disk before the next.
import { readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ChunkEncoder } from "../codec/codec.ts";
import {
  createPrivateFolder,
  renameDurably,
  syncFolder,
  writeNewFile,
} from "../util/durable-file.ts";
import { messageOf } from "../util/redact.ts";
import { sha256Of } from "../util/sha256.ts";
import { openDataFile, writeError } from "./data-file.ts";
import type { DataFile } from "./data-file.ts";
import {
  damagedName,
  DRAFT_FILE,
  isInnerPath,
  MANIFEST_FILE,
  partialName,
  VERIFICATION_FILE,
} from "./layout.ts";
import type { Manifest, ManifestBody, ManifestFile } from "./manifest.ts";
import { formatManifest } from "./seal.ts";
import { formatVerification } from "./verification.ts";
import type { Verification } from "./verification.ts";
import { KeepError } from "../errors.ts";

export interface SetAside {
  readonly path: string;
  /** Why it does not say what was found; null: it does. */
  readonly unnoted: string | null;
}

export interface PartialBackup {
  readonly id: string;
  readonly path: string;
  /** Starts a data file; its folder is made. `relative` is `database/file`. */
  openDataFile(relative: string, encoder: ChunkEncoder, slots: number): Promise<DataFile>;
  /** Writes a whole small file, on disk when it resolves. */
  writeFile(relative: string, bytes: Uint8Array): Promise<ManifestFile>;
  /** Manifest, verification, folders, rename: afterwards it is a backup. */
  seal(
    body: ManifestBody,
    verification: Verification,
  ): Promise<{ manifest: Manifest; path: string }>;
  /** Keeps it as `<id>.damaged`, with a draft of its manifest and what was found. */
  setAsideAsDamaged(body: ManifestBody, verification: Verification): Promise<SetAside>;
  discard(): Promise<void>;
  /** Takes away all that was written: another try begins with an empty folder. */
  clear(): Promise<void>;
}

/**
 * Makes the folder of a new backup. `nextId` is asked again with a growing number of seconds while the
 * id is taken (two backups in one second, a clock that went back).
 */
export async function createPartial(
  root: string,
  nextId: (secondsLater: number) => string,
): Promise<PartialBackup> {
  for (let later = 0; ; later++) {
    const id = nextId(later);
    if (await isTaken(root, id)) continue;
    const path = join(root, partialName(id));
    try {
      await createPrivateFolder(path);
    } catch (error) {
      // Taken since we looked.
      if ((error as NodeJS.ErrnoException).code === "EEXIST") continue;
      throw writeError(path, error);
    }
    return new LocalPartial(root, id, path);
  }
}

async function isTaken(root: string, id: string): Promise<boolean> {
  const names = await readdir(root);
  return [id, partialName(id), damagedName(id)].some((name) => names.includes(name));
}

class LocalPartial implements PartialBackup {
  readonly id: string;
  readonly path: string;
  readonly #root: string;
  /** Those that were made, or are being made: one look for thousands of files. */
  readonly #folders = new Map<string, Promise<void>>();

  constructor(root: string, id: string, path: string) {
    this.#root = root;
    this.id = id;
    this.path = path;
  }

  async openDataFile(relative: string, encoder: ChunkEncoder, slots: number): Promise<DataFile> {
    const absolute = await this.#place(relative);
    return openDataFile(absolute, relative, encoder, slots);
  }

  async writeFile(relative: string, bytes: Uint8Array): Promise<ManifestFile> {
    const absolute = await this.#place(relative);
    try {
      await writeNewFile(absolute, bytes);
    } catch (error) {
      throw writeError(relative, error);
    }
    return { path: relative, bytes: bytes.length, sha256: sha256Of(bytes) };
  }

  async seal(
    body: ManifestBody,
    verification: Verification,
  ): Promise<{ manifest: Manifest; path: string }> {
    const { text, manifest } = formatManifest(body);
    const path = join(this.#root, this.id);
    try {
      // Those that are there: a dump that started over may have taken some away.
      for (const entry of await readdir(this.path, { withFileTypes: true }))
        if (entry.isDirectory()) await syncFolder(join(this.path, entry.name));
      await writeNewFile(join(this.path, VERIFICATION_FILE), formatVerification(verification));
      await writeNewFile(join(this.path, MANIFEST_FILE), text);
      await syncFolder(this.path);
      await renameDurably(this.path, path);
    } catch (error) {
      throw writeError(path, error);
    }
    return { manifest, path };
  }

  async setAsideAsDamaged(body: ManifestBody, verification: Verification): Promise<SetAside> {
    const path = join(this.#root, damagedName(this.id));
    const unnoted = await this.#note(formatManifest(body).text, verification);
    await renameDurably(this.path, path);
    return { path, unnoted };
  }

  /** A disk that does not take two small files more must not lose what is to be looked at. */
  async #note(draft: string, verification: Verification): Promise<string | null> {
    try {
      await writeNewFile(join(this.path, VERIFICATION_FILE), formatVerification(verification));
      await writeNewFile(join(this.path, DRAFT_FILE), draft);
      return null;
    } catch (error) {
      return messageOf(error);
    }
  }

  async clear(): Promise<void> {
    this.#folders.clear();
    for (const name of await readdir(this.path))
      await rm(join(this.path, name), { recursive: true, force: true });
  }

  async discard(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
    await syncFolder(this.#root);
  }

  /** The absolute path of an inner file, with its folder made. */
  async #place(relative: string): Promise<string> {
    if (!isInnerPath(relative))
      throw new KeepError("damaged", `${JSON.stringify(relative)} leads out of the backup`);
    const folder = dirname(relative);
    if (folder !== ".") await this.#haveFolder(folder);
    return join(this.path, relative);
  }

  async #haveFolder(folder: string): Promise<void> {
    const making = this.#folders.get(folder) ?? this.#makeFolder(folder);
    this.#folders.set(folder, making);
    try {
      await making;
    } catch (error) {
      this.#folders.delete(folder);
      throw error;
    }
  }

  async #makeFolder(folder: string): Promise<void> {
    await createPrivateFolder(join(this.path, folder)).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw writeError(folder, error);
    });
  }
}
