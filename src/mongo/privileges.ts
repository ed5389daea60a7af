// What the connected account may do, as far as the server tells it of itself.
import type { MongoClient } from "mongodb";
import { driverError } from "./server-error.ts";

interface Privilege {
  readonly resource: {
    readonly anyResource?: boolean;
    readonly db?: string;
    readonly collection?: string;
  };
  readonly actions: readonly string[];
}

/** What a staged restore needs beyond what loading in place does. */
export const STAGING_ACTIONS: readonly string[] = [
  "find",
  "insert",
  "update",
  "remove",
  "renameCollectionSameDB",
  "collMod",
];

/** The actions that the account lacks on all collections of a database; none where there are no logins. */
export async function missingActions(
  client: MongoClient,
  database: string,
  actions: readonly string[],
): Promise<string[]> {
  try {
    const status = await client.db("admin").command({ connectionStatus: 1, showPrivileges: true });
    const info = status.authInfo as {
      readonly authenticatedUsers?: readonly unknown[];
      readonly authenticatedUserPrivileges?: readonly Privilege[];
    };
    if (!info.authenticatedUsers?.length) return [];
    const allowed = new Set(
      (info.authenticatedUserPrivileges ?? [])
        .filter(({ resource }) => covers(resource, database))
        .flatMap((privilege) => privilege.actions),
    );
    return actions.filter((action) => !allowed.has(action));
  } catch (error) {
    throw driverError("list", "the account's own rights", error);
  }
}

/** An empty name stands for all databases, and for all collections but the server's own. */
function covers({ anyResource, db, collection }: Privilege["resource"], database: string): boolean {
  if (anyResource === true) return true;
  return (db === "" || db === database) && collection === "";
}
