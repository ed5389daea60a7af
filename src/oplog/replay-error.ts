// Messages of a failed replay: kind of entry, namespace and cluster time, never the content of an entry.
import { KeepError } from "../errors.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import { CODES, withoutValues } from "../mongo/server-error.ts";
import { formatTime } from "./cluster-time.ts";
import type { Operation, Place } from "./operation.ts";

/** The entry that is being replayed. */
export interface About {
  readonly kind: string;
  /** The name in the log. */
  readonly namespace: string;
  readonly at: ClusterTime;
}

const describe = ({ kind, namespace, at }: About) =>
  `the entry ${kind} of ${namespace} at ${formatTime(at)}`;

const detailsOf = ({ kind, namespace, at }: About) => ({
  entry: kind,
  namespace,
  clusterTime: formatTime(at),
});

export const REPLAY_RIGHTS_HINT =
  'Grant the role "readWriteAnyDatabase" on "admin" beside "restore" (in mongosh: db.getSiblingDB("admin").grantRolesToUser("<user>", [{role: "readWriteAnyDatabase", db: "admin"}])), or a role with anyAction on anyResource.';

/** The server refused an entry. */
export function refused(about: About, code: number, message: string): KeepError {
  const details = { ...detailsOf(about), serverCode: code };
  if (code === CODES.unauthorized)
    return new KeepError("rights-missing", `the user may not replay ${describe(about)}`, {
      hint: REPLAY_RIGHTS_HINT,
      details,
    });
  return new KeepError(
    "server-error",
    `cannot replay ${describe(about)}: ${withoutValues(message)} (server code ${code})`,
    { details },
  );
}

/** An entry that cannot be replayed. */
export function notKnown(about: About, what: string): KeepError {
  return new KeepError(
    "not-in-this-version",
    `cannot replay ${describe(about)}: ${what} is not known`,
    {
      hint: "Skipping the entry would restore another state. Restore another backup, or this one with: mongorestore --oplogReplay",
      details: detailsOf(about),
    },
  );
}

/** The backup and its log do not fit together. */
export function incoherent(about: About, problem: string): KeepError {
  return new KeepError("damaged", `cannot replay ${describe(about)}: ${problem}`, {
    details: detailsOf(about),
  });
}

/** What the log writes to was neither backed up nor made by the log: on the server it is in a state that nobody knows. */
export function notInBackup(about: About): KeepError {
  const { message, details } = incoherent(
    about,
    "neither the backup nor the log has this collection",
  );
  return new KeepError("damaged", `${message}; what the server has under this name may be newer`, {
    hint: "Put the log beside the databases of the dump that it belongs to. To restore the dump without its log, move the log out of the folder. To apply the log to what the server has now, make a backup, then use mongorestore --oplogReplay.",
    details,
  });
}

/** A collection cannot be restored without the collection from which it was renamed. */
export function notAlone(from: Place, to: Place, at: ClusterTime): KeepError {
  const namespace = `${from.database}.${from.collection}`;
  const problem = `it becomes ${to.database}.${to.collection}, which is not part of this restore`;
  const { message, details } = incoherent({ kind: "rename", namespace, at }, problem);
  return new KeepError("usage", message, { hint: `Restore ${namespace} as well.`, details });
}

const nameOf = ({ database, collection }: Place) => `${database}.${collection}`;

/** Identifies the entry of an operation. */
export function about(operation: Operation, at: ClusterTime): About {
  const { kind } = operation;
  if ("place" in operation) return { kind, namespace: nameOf(operation.place), at };
  if ("from" in operation) return { kind, namespace: nameOf(operation.from), at };
  if ("view" in operation)
    return { kind, namespace: `${operation.database}.${operation.view}`, at };
  return { kind, namespace: "database" in operation ? operation.database : "no collection", at };
}
