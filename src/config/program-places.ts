// Where programs that mongokeep starts itself may lie, as the environment says.
import { homeFolder } from "../util/process-folders.ts";

export interface ProgramPlaces {
  /** The value of PATH. */
  readonly path: string | undefined;
  readonly home: string;
  readonly xdgCacheHome: string | undefined;
}

/** This process's environment. */
export function programPlaces(): ProgramPlaces {
  const { PATH: path, XDG_CACHE_HOME: xdgCacheHome } = process.env;
  return { path, xdgCacheHome, home: homeFolder() };
}
