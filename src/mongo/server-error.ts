// What the server or the driver said, as a KeepError that tells a person what to do.
// A server's message can quote document content (duplicate keys, failed validation): it is cut away here.
import {
  MongoAPIError,
  MongoNetworkError,
  MongoParseError,
  MongoServerError,
  MongoServerSelectionError,
} from "mongodb";
import { KeepError, outOfFiles } from "../errors.ts";
import { redact } from "../util/redact.ts";

/** Codes of src/mongo/base/error_codes.yml in the server's source. */
export const CODES = {
  unauthorized: 13,
  authenticationFailed: 18,
  namespaceNotFound: 26,
  cursorNotFound: 43,
  cappedPositionLost: 136,
  writeConcernTimeout: 64,
  namespaceExists: 48,
  documentValidationFailure: 121,
  queryPlanKilled: 175,
  snapshotTooOld: 239,
  snapshotUnavailable: 246,
  atlasError: 8000,
  duplicateKey: 11000,
  unknownField: 40415,
} as const;

const LOGIN_CODES: readonly number[] = [CODES.authenticationFailed, CODES.atlasError];
const ACTIONS = {
  read: { right: "find", role: "backup" },
  list: { right: "listCollections and listIndexes", role: "backup" },
  write: { right: "insert", role: "restore" },
  load: { right: "insert or bypassDocumentValidation", role: "restore" },
  empty: { right: "remove", role: "readWriteAnyDatabase" },
  merge: { right: "createUser, createRole, grantRole and revokeRole", role: "restore" },
  create: { right: "createCollection and createIndex", role: "restore" },
  drop: { right: "dropCollection", role: "restore" },
  rename: { right: "renameCollectionSameDB", role: "readWriteAnyDatabase" },
} as const;
export type Action = keyof typeof ACTIONS;

/** What people call it, where that is another word. */
const VERBS: Partial<Record<Action, string>> = { load: "write", merge: "write" };

/** The server's message without the values of documents it may quote. */
export function withoutValues(message: string): string {
  return message
    .replace(
      /\b(dup key|duplicate key value|Document|doc|value|element|details): ?[[{"].*$/s,
      "$1: …",
    )
    .replace(/\b(First element|unsupported): .*$/s, "$1: …")
    .replace(/:\s*\{.*$/s, ": …")
    .replace(/'(?!_id')[^']*'/g, "'…'");
}

/** Atlas has one code for much; of rights it speaks in words. */
function isAtlasRefusal(code: unknown, message: string): boolean {
  return code === CODES.atlasError && /not (allowed|authorized)/i.test(message);
}

/** A failed command on a namespace or database. */
export function serverError(
  action: Action,
  target: string,
  code: number,
  message: string,
  cause?: unknown,
): KeepError {
  const details = { serverCode: code, namespace: target };
  const verb = VERBS[action] ?? action;
  if (code === CODES.unauthorized || isAtlasRefusal(code, message)) {
    const { right, role } = ACTIONS[action];
    return new KeepError(
      "rights-missing",
      `the user may not ${action === "list" ? "list the collections of" : verb} ${target}: the right ${right} is missing`,
      {
        hint: `Grant the role "${role}" on "admin" (in mongosh: db.getSiblingDB("admin").grantRolesToUser("<user>", [{role: "${role}", db: "admin"}])), or one that allows ${right} on ${target}.`,
        details: { ...details, role },
        cause,
      },
    );
  }
  return new KeepError(
    "server-error",
    `cannot ${verb} ${target}: ${withoutValues(message)} (server code ${code})`,
    { details, cause },
  );
}

/** The error's name and stack without the values: a driver's error carries keyValue, and prints it. */
function sanitized(error: Error): Error {
  const copy = new Error(withoutValues(error.message));
  copy.name = error.name;
  const frames = error.stack?.split("\n").filter((line) => line.startsWith("    at ")) ?? [];
  copy.stack = [`${copy.name}: ${copy.message}`, ...frames].join("\n");
  return copy;
}

/** An error that the driver threw while it did `action` to `target`. */
export function driverError(action: Action, target: string, error: unknown): KeepError {
  if (error instanceof KeepError) return error;
  const connection = connectionError(error);
  if (connection) return connection;
  if (error instanceof MongoServerError) {
    const code = typeof error.code === "number" ? error.code : 0;
    return serverError(action, target, code, error.message, sanitized(error));
  }
  return new KeepError("internal", error instanceof Error ? error.message : String(error), {
    cause: error,
  });
}

/** Unreachable, login failed or unusable settings; undefined for anything else. */
export function connectionError(error: unknown): KeepError | undefined {
  const limit = outOfFiles(error);
  if (limit) return limit;
  if (
    error instanceof MongoServerError &&
    LOGIN_CODES.includes(Number(error.code)) &&
    !isAtlasRefusal(error.code, error.message)
  )
    return new KeepError("login-failed", `MongoDB refused the login: ${redact(error.message)}`, {
      cause: error,
    });
  if (error instanceof MongoServerSelectionError || error instanceof MongoNetworkError) {
    if (
      /authentication failed|bad auth|requires authentication/i.test(error.message) &&
      !error.message.includes("ECONN")
    )
      return new KeepError("login-failed", `MongoDB refused the login: ${redact(error.message)}`, {
        cause: error,
      });
    return new KeepError("unreachable", `cannot reach MongoDB: ${redact(error.message)}`, {
      cause: error,
    });
  }
  if (error instanceof MongoParseError || error instanceof MongoAPIError)
    return new KeepError("bad-setting", `MONGODB_URI cannot be used: ${redact(error.message)}`, {
      hint: "It looks like mongodb://user:password@host:27017/database?authSource=admin, with special characters percent-encoded.",
      cause: error,
    });
  return unreadableFile(error);
}

/** The driver reads the files that a URI names (certificates, keys) when it connects. */
function unreadableFile(error: unknown): KeepError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, syscall, path } = error as NodeJS.ErrnoException;
  if (code === undefined || path === undefined || !["open", "read"].includes(syscall ?? ""))
    return undefined;
  return new KeepError("bad-setting", `cannot read ${path}, which MONGODB_URI names (${code})`, {
    hint: "Correct the path in MONGODB_URI, or let this user read the file.",
    cause: error,
  });
}
