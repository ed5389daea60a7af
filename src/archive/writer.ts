// A backup while it is made: `.<id>.partial`, sealed by its manifest and a rename, or kept as damaged, or removed.
// What must stay true: data → checksums → manifest → rename, each on disk before the next.
import { dirname, join } from "node:path";
import { KeepError } from "../errors.ts";
import type { ChunkEncoder } from "../codec/codec.ts";
import { refusalOf } from "../storage/refusal.ts";
import type { Storage } from "../storage/storage.ts";
import { writeAndClose, writeNew } from "../storage/whole.ts";
import { messageOf } from "../util/redact.ts";
import { createStoredSum, openDataFile, writeError } from "./data-file.ts";
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
import { createArchived, fileAt, ON_DISK } from "./place.ts";
import type { Place } from "./place.ts";
import { formatManifest } from "./seal.ts";
import { formatVerification } from "./verification.ts";
import type { Verification } from "./verification.ts";

export interface SetAside {
  readonly path: string;
  /** Why it does not say what was found; null: it does. */
  readonly unnoted: string | null;
}

export interface PartialBackup {
  readonly id: string;
  readonly path: string;
  readonly place: Place;
  /** Starts a data file; its folder is made. `relative` is `database/file`. */
  openDataFile(relative: string, encoder: ChunkEncoder, slots: number): Promise<DataFile>;
  /** Writes a whole small file, on disk when it resolves. */
  writeFile(relative: string, bytes: Uint8Array): Promise<ManifestFile>;
  /** Removes a file that was written, so that it can be written again; nothing there is no error. */
  removeFile(relative: string): Promise<void>;
  /** Manifest, verification, folders, rename: afterwards it is a backup. */
  seal(
    body: ManifestBody,
    verification: Verification,
  ): Promise<{ manifest: Manifest; path: string }>;
  /** Keeps it as `<id>.damaged`, with a draft of its manifest and what was found. */
  setAsideAsDamaged(body: ManifestBody, verification: Verification): Promise<SetAside>;
  discard(): Promise<void>;
  /** Removes all that was written: another try starts with an empty folder. */
  clear(): Promise<void>;
}

/**
 * Makes the folder of a new backup. `nextId` is asked again with a growing number of seconds while the
 * id is taken (two backups in one second, a clock that went back).
 */
export async function createPartial(
  root: string,
  nextId: (secondsLater: number) => string,
  place: Place = ON_DISK,
): Promise<PartialBackup> {
  for (let later = 0; ; later++) {
    const id = nextId(later);
    if (await isTaken(place.storage, root, id)) continue;
    const path = join(root, partialName(id));
    try {
      await place.storage.makeFolder(path);
    } catch (error) {
      // Taken since we looked.
      if (refusalOf(error) === "taken") continue;
      throw writeError(path, error);
    }
    return new StoredPartial(place, root, id, path);
  }
}

async function isTaken(storage: Storage, root: string, id: string): Promise<boolean> {
  const names = [id, partialName(id), damagedName(id)];
  return (await storage.list(root)).some(({ name }) => names.includes(name));
}

class StoredPartial implements PartialBackup {
  readonly id: string;
  readonly path: string;
  readonly place: Place;
  readonly #storage: Storage;
  readonly #root: string;
  /** Those that were made, or are being made: one look for thousands of files. */
  readonly #folders = new Map<string, Promise<void>>();

  constructor(place: Place, root: string, id: string, path: string) {
    this.place = place;
    this.#storage = place.storage;
    this.#root = root;
    this.id = id;
    this.path = path;
  }

  async openDataFile(relative: string, encoder: ChunkEncoder, slots: number): Promise<DataFile> {
    const path = await this.#make(relative);
    return await openDataFile(fileAt(this.place, path), relative, encoder, slots);
  }

  async writeFile(relative: string, bytes: Uint8Array): Promise<ManifestFile> {
    const path = await this.#make(relative);
    const stored = createStoredSum();
    try {
      const file = await createArchived(fileAt(this.place, path), stored.add);
      await writeAndClose(file, bytes);
    } catch (error) {
      throw writeError(relative, error);
    }
    return stored.digest(relative);
  }

  async removeFile(relative: string): Promise<void> {
    await this.#storage.remove(join(this.path, innerPath(relative)));
  }

  async seal(
    body: ManifestBody,
    verification: Verification,
  ): Promise<{ manifest: Manifest; path: string }> {
    const { text, manifest } = formatManifest(body);
    const path = join(this.#root, this.id);
    try {
      // Those that are there: a dump that started over may have removed some.
      for (const { name, kind } of await this.#storage.list(this.path)) {
        if (kind === "folder") await this.#storage.flushFolder(join(this.path, name));
      }
      await this.#writePlain(VERIFICATION_FILE, formatVerification(verification));
      await this.#writePlain(MANIFEST_FILE, text);
      await this.#storage.flushFolder(this.path);
      await this.#storage.rename(this.path, path);
    } catch (error) {
      throw writeError(path, error);
    }
    return { manifest, path };
  }

  async setAsideAsDamaged(body: ManifestBody, verification: Verification): Promise<SetAside> {
    const path = join(this.#root, damagedName(this.id));
    const unnoted = await this.#note(formatManifest(body).text, verification);
    await this.#storage.rename(this.path, path);
    return { path, unnoted };
  }

  /** A disk that does not take two more small files must not lose what a person should look at. */
  async #note(draft: string, verification: Verification): Promise<string | null> {
    try {
      await this.#writePlain(VERIFICATION_FILE, formatVerification(verification));
      await this.#writePlain(DRAFT_FILE, draft);
      return null;
    } catch (error) {
      return messageOf(error);
    }
  }

  async clear(): Promise<void> {
    this.#folders.clear();
    for (const { name } of await this.#storage.list(this.path)) {
      await this.#storage.remove(join(this.path, name));
    }
  }

  async discard(): Promise<void> {
    await this.#storage.remove(this.path);
    await this.#storage.flushFolder(this.#root);
  }

  /** What says what the backup is: read without the means to read its documents. */
  async #writePlain(name: string, text: string): Promise<void> {
    await writeNew(this.#storage, join(this.path, name), text);
  }

  /** The path of an inner file, with its folder made. */
  async #make(relative: string): Promise<string> {
    const folder = dirname(innerPath(relative));
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
    await this.#storage.makeFolder(join(this.path, folder)).catch((error: unknown) => {
      if (refusalOf(error) !== "taken") throw writeError(folder, error);
    });
  }
}

function innerPath(relative: string): string {
  if (isInnerPath(relative)) return relative;
  throw new KeepError("damaged", `${JSON.stringify(relative)} leads out of the backup`);
}
