// Whether a read failed because its connection, its cursor or its server went away, and not by what it asked.
import { KeepError } from "../errors.ts";

/** Codes after which drivers try a read again, and cursors that are gone; src/mongo/base/error_codes.yml. */
const LOST_CODES: readonly number[] = [
  6, // HostUnreachable
  7, // HostNotFound
  43, // CursorNotFound
  89, // NetworkTimeout
  91, // ShutdownInProgress
  134, // ReadConcernMajorityNotAvailableYet
  189, // PrimarySteppedDown
  237, // CursorKilled
  262, // ExceededTimeLimit
  9001, // SocketException
  10107, // NotWritablePrimary
  11600, // InterruptedAtShutdown
  11602, // InterruptedDueToReplStateChange
  13435, // NotPrimaryNoSecondaryOk
  13436, // NotPrimaryOrSecondary
];

/** The same question may be answered when it is asked again. */
export function isLost(error: unknown): error is KeepError {
  if (!(error instanceof KeepError)) return false;
  const code = error.details.serverCode;
  return error.code === "unreachable" || (typeof code === "number" && LOST_CODES.includes(code));
}
