// What every job gets: settings, time, a way to tell, a way to stop, and the outside world as functions.
import type { Place } from "../archive/place.ts";
import type { Settings } from "../config/settings.ts";
import type { Emit } from "../events.ts";
import type { Deployment } from "../mongo/deployment.ts";
import type { Service } from "../service/service.ts";
import type { Clock } from "../util/clock.ts";

export interface JobContext {
  readonly settings: Settings;
  /** Where BACKUP_DIR is, and through what its files are read and written. */
  readonly place: Place;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Aborts with a KeepError: interrupted, terminated, hangup. */
  readonly signal: AbortSignal;
  /**
   * Call before what only the holder of the backup folder's lock may do: seal, rename, delete, change live data.
   * Absent where no lock is held. @throws KeepError lock-lost: another run took it
   */
  readonly assertHeld?: () => Promise<void>;
  /** mongokeep's own version. */
  readonly version: string;
  /**
   * Connects with the settings' URI; every connection closes when `signal` aborts, which is the context's
   * unless another is given. @throws KeepError bad-setting (no URI), unreachable, login-failed
   */
  connect(signal?: AbortSignal): Promise<Deployment>;
  /** The same with the login for restores; null where none is set. `restore` and `rollback` have it as `connect`. */
  readonly connectForRestore?: JobContext["connect"] | null;
  /** Free bytes on the disk that holds the path. */
  freeBytes(path: string): Promise<number>;
  /** The service to stop during a restore; null where none is set. */
  readonly service: Service | null;
}
