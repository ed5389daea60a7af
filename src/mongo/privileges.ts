// What the connected account may do, as far as the server tells. Resources match as in the server
// (buildResourceSearchList in authorization_session_impl.cpp).
import type { MongoClient } from "mongodb";
import { driverError } from "./server-error.ts";

/** A resource in the form of connectionStatus. */
export interface Granted {
  readonly anyResource?: boolean;
  readonly cluster?: boolean;
  readonly db?: string;
  readonly collection?: string;
  readonly system_buckets?: string;
}

export interface Privilege {
  readonly resource: Granted;
  readonly actions: readonly string[];
}

/** A collection; with an empty name the whole database, with an empty database all databases. */
export interface Resource {
  readonly database: string;
  readonly name: string;
}

/** Actions needed on one resource. */
export interface Need extends Resource {
  readonly actions: readonly string[];
}

export interface Authority {
  /** The needed actions that the account lacks; none if the server has no logins. */
  readonly missing: (need: Need) => string[];
}

/** @throws KeepError server-error, unreachable */
export async function readAuthority(client: MongoClient): Promise<Authority> {
  try {
    const status = await client.db("admin").command({ connectionStatus: 1, showPrivileges: true });
    const info = status.authInfo as {
      readonly authenticatedUsers?: readonly unknown[];
      readonly authenticatedUserPrivileges?: readonly Privilege[];
    };
    const known = info.authenticatedUserPrivileges;
    // A server that does not tell: the rehearsal has to find out.
    if (!info.authenticatedUsers?.length || !known) return { missing: () => [] };
    return authorityOf(known);
  } catch (error) {
    throw driverError("list", "the account's own rights", error);
  }
}

/** Only an account that may do anything has this action. */
const ANY = "anyAction";

export function authorityOf(privileges: readonly Privilege[]): Authority {
  return {
    missing(need) {
      const allowed = new Set(
        privileges.filter((p) => covers(p.resource, need)).flatMap((p) => p.actions),
      );
      return allowed.has(ANY) ? [] : need.actions.filter((action) => !allowed.has(action));
    },
  };
}

const BUCKETS = "system.buckets.";

/**
 * Rights on a database do not apply to its `system.` collections, and those on all databases not to `local` and
 * `config`.
 */
function covers(granted: Granted, { database, name }: Resource): boolean {
  if (granted.anyResource === true) return true;
  const { db, collection, system_buckets: series } = granted;
  const isThere = db === undefined || db === "" || db === database;
  if (series !== undefined)
    return isThere && name.startsWith(BUCKETS) && ["", name.slice(BUCKETS.length)].includes(series);
  if (db === undefined || collection === undefined) return false;
  if (collection !== "") return isThere && collection === name;
  if (!isNormal(database, name)) return false;
  return db === "" ? database !== "local" && database !== "config" : db === database;
}

const isNormal = (database: string, name: string) =>
  !name.startsWith("system.") && !(database === "local" && name.startsWith("replset."));

/** What a staged restore needs in addition to loading in place. */
export const STAGING_ACTIONS: readonly string[] = [
  "find",
  "insert",
  "update",
  "remove",
  "renameCollectionSameDB",
  "collMod",
];

/** The actions that the account lacks on all collections of a database; none if there are no logins. */
export async function missingActions(
  client: MongoClient,
  database: string,
  actions: readonly string[],
): Promise<string[]> {
  return (await readAuthority(client)).missing({ database, name: "", actions });
}
