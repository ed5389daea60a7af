// What the server or the driver said, as a KeepError that tells a person what to do.
// A server's message can quote document content (duplicate keys, failed validation): it is cut away here.
import {
  MongoDecompressionError,
  MongoServerError,
  MongoUnexpectedServerResponseError,
} from "mongodb";
import { KeepError, translateBy } from "../errors.ts";
import { connectionError, isAtlasRefusal, lostConnection } from "./connection-error.ts";
import { redact } from "../util/redact.ts";
import { setRefusal } from "./set-refusals.ts";

/** Codes of src/mongo/base/error_codes.yml in the server's source. */
export const CODES = {
  unauthorized: 13,
  namespaceNotFound: 26,
  cursorNotFound: 43,
  cappedPositionLost: 136,
  writeConcernTimeout: 64,
  namespaceExists: 48,
  documentValidationFailure: 121,
  queryPlanKilled: 175,
  snapshotTooOld: 239,
  snapshotUnavailable: 246,
  duplicateKey: 11000,
  unknownField: 40415,
} as const;

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
    .replace(/\bcommand \{.*$/s, "command …")
    .replace(/:\s*\{.*$/s, ": …")
    .replace(/'(?!_id')[^']*'/g, "'…'");
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
  const refusal = setRefusal(code);
  const means = refusal ? `${refusal.means}: ` : "";
  return new KeepError(
    refusal?.code ?? "server-error",
    `cannot ${verb} ${target}: ${means}${withoutValues(message)} (server code ${code})`,
    { ...(refusal && { hint: refusal.hint }), details, cause },
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

/** What jobs let through of the driver's own errors. One of a wrong call of ours stays a fault. */
translateBy((error) => {
  const lost = lostConnection(error);
  if (lost) return lost;
  if (error instanceof MongoServerError) {
    const code = typeof error.code === "number" ? error.code : 0;
    const said = `${withoutValues(redact(error.message))} (server code ${code})`;
    const options = { details: { serverCode: code }, cause: sanitized(error) };
    const refusal = setRefusal(code);
    if (refusal)
      return new KeepError(refusal.code, `${refusal.means}: ${said}`, { ...options, hint: refusal.hint }); // prettier-ignore
    const kind = code === CODES.unauthorized ? "rights-missing" : "server-error";
    return new KeepError(kind, `the server refuses: ${said}`, options);
  }
  const isAnswer =
    error instanceof MongoUnexpectedServerResponseError || error instanceof MongoDecompressionError;
  return isAnswer
    ? new KeepError("server-error", redact(error.message), { cause: error })
    : undefined;
});
