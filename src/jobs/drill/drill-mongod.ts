// The mongod that a drill starts: found before the work begins, and new enough for the backup's files.
import type { Settings } from "../../config/settings.ts";
import { programPlaces } from "../../config/program-places.ts";
import { cacheFolderOf, findMongod } from "../../tools/mongod-binary.ts";
import type { FoundMongod } from "../../tools/mongod-binary.ts";

export interface DrillMongodSearch {
  /** The version of the server that the backup was made of; null where it is not known. */
  readonly atLeast: string | null;
  /** false: look only at what is on this machine. */
  readonly download: boolean;
  readonly signal: AbortSignal;
}

/** @throws KeepError mongod-missing: there is none, or none of the backup's version or newer */
export async function findDrillMongod(
  { drill }: Pick<Settings, "drill">,
  search: DrillMongodSearch,
): Promise<FoundMongod> {
  const { path, home, xdgCacheHome } = programPlaces();
  const cacheFolder = cacheFolderOf(home, xdgCacheHome);
  const named = drill.mongodBinary ?? undefined;
  return await findMongod({ ...search, named, path, cacheFolder, memoryServer: false });
}
