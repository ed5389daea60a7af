// Whether a read failed because its connection, cursor or server was lost, and not because of the request itself.
import { KeepError } from "../errors.ts";

/** Codes after which drivers retry a read, and lost cursors; src/mongo/base/error_codes.yml. */
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

/** The same request may succeed when repeated. */
export function isLost(error: unknown): error is KeepError {
  if (!(error instanceof KeepError)) return false;
  const code = error.details.serverCode;
  return error.code === "unreachable" || (typeof code === "number" && LOST_CODES.includes(code));
}
