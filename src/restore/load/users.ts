// Users and roles of a database, merged by the server's own command, as mongorestore does
// (mongo-tools, mongorestore/metadata.go, RestoreUsersOrRoles). Existing accounts that the backup does
// not have stay, so that the account which restores can never lock itself out.
import * as BSON from "bson";
import type { KeepError } from "../../errors.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { MERGED_ROLES, MERGED_USERS } from "../../mongo/own-collections.ts";
import { driverError } from "../../mongo/server-error.ts";
import type { ArchivedFile } from "../../archive/place.ts";
import { MAJORITY } from "../../mongo/write-concerns.ts";
import { dropNamespace } from "./create.ts";
import type { Loader } from "./load.ts";

export interface AccountFiles {
  readonly database: string;
  /** null where the backup has none. */
  readonly users: ArchivedFile | null;
  readonly roles: ArchivedFile | null;
}

/**
 * Tells the account that restores: its password since changed must not go back, which would lock it out.
 */
export async function actingAccount(
  deployment: Pick<Deployment, "client">,
): Promise<(document: Buffer) => boolean> {
  const status = await deployment.client.db("admin").command({ connectionStatus: 1 });
  const { authenticatedUsers } = status.authInfo as {
    authenticatedUsers: readonly { user: string; db: string }[];
  };
  const own = new Set(authenticatedUsers.map(({ user, db }) => `${db}.${user}`));
  return (document) => {
    const { user, db } = BSON.deserialize(document);
    return own.has(`${String(db)}.${String(user)}`);
  };
}

/** No database has this name: what is said to be of it is merged into none. */
const NOWHERE = "__mongokeep_nowhere";
const TRIES = 3;

/** Whether the server merges accounts of a database, tried with one of no database; else why not. */
export async function rehearseMerge(
  { client }: Pick<Deployment, "client">,
  database: string,
): Promise<KeepError | null> {
  const target = { database: "admin", name: MERGED_USERS };
  let isMade = false;
  for (let attempt = 1; ; attempt++)
    try {
      await dropNamespace(client, target);
      const users = client
        .db("admin")
        .collection<{ _id: string; user: string; db: string }>(target.name);
      const nobody = { _id: `${NOWHERE}.nobody`, user: "nobody", db: NOWHERE };
      await users.insertOne(nobody, { bypassDocumentValidation: true });
      isMade = true;
      const command = { _mergeAuthzCollections: 1, tempUsersCollection: `admin.${target.name}` };
      await client.db("admin").command({ ...command, db: database, drop: false });
      await dropNamespace(client, target);
      return null;
    } catch (error) {
      const refused = driverError("merge", `users and roles of ${database}`, error);
      if (refused.code !== "rights-missing" && refused.code !== "server-error") throw refused;
      // Somebody else who restores may have taken the collection away: it has one name for all.
      if (attempt < TRIES) continue;
      if (isMade) await dropNamespace(client, target);
      return refused;
    }
}

/** @throws KeepError rights-missing, server-error */
export async function mergeAccounts(
  deployment: Deployment,
  loader: Loader,
  files: AccountFiles,
  signal: AbortSignal,
): Promise<void> {
  const { client } = deployment;
  const parts = [
    { file: files.users, name: MERGED_USERS, field: "tempUsersCollection" },
    { file: files.roles, name: MERGED_ROLES, field: "tempRolesCollection" },
  ];
  const command: Record<string, unknown> = { _mergeAuthzCollections: 1 };
  const skip = await actingAccount(deployment);
  try {
    for (const { file, name, field } of parts) {
      if (file === null) continue;
      await dropNamespace(client, { database: "admin", name });
      const target = { database: "admin", collection: name, bypassValidation: true };
      const options = {
        connections: 1,
        inOrder: false,
        signal,
        skip,
        onLoaded: () => undefined,
      } as const;
      const loaded = await loader.load(file, target, options);
      // The server takes an absent collection for an error, and an empty one cannot be inserted.
      if (loaded > 0) command[field] = `admin.${name}`;
    }
    if (Object.keys(command).length === 1) return;
    // An empty name: the accounts of all databases.
    const db = files.database === "admin" ? "" : files.database;
    await client.db("admin").command({ ...command, db, drop: false, writeConcern: MAJORITY });
  } catch (error) {
    throw driverError("merge", `users and roles of ${files.database}`, error);
  } finally {
    for (const { name } of parts) await dropNamespace(client, { database: "admin", name });
  }
}
