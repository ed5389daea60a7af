// Which rights a restore needs, its undo included: asked of the account before anything is dropped. Pure.
import { isCapped } from "../../bson/element.ts";
import { KeepError } from "../../errors.ts";
import { dataCollection, mayHaveValidator } from "../../mongo/namespaces.ts";
import { MARKERS, MERGED_ROLES, MERGED_USERS, OWN_PREFIX } from "../../mongo/own-collections.ts";
import { STAGING_ACTIONS } from "../../mongo/privileges.ts";
import type { Authority, Need } from "../../mongo/privileges.ts";
import { REPLAY_ACTIONS } from "../../oplog/rights.ts";
import { collectionExpiry } from "../load/create.ts";
import type { Placed } from "./placed.ts";
import type { RestorePlan } from "./plan.ts";

/** To make a namespace in place, verify it and take it away again. */
export function needsOf(one: Placed, how: { readonly replays: boolean }): Need[] {
  return needsUnder(one.name, one, how);
}

/** To try it before, under a name of ours (rehearse.ts). */
export function needsOfTrial(one: Placed): Need[] {
  return needsUnder(`${OWN_PREFIX}tried`, one, { replays: false });
}

function needsUnder(
  name: string,
  { database, name: planned, type, metadata }: Placed,
  { replays }: { readonly replays: boolean },
): Need[] {
  if (type === "view") return [{ database, name, actions: ["createCollection", "dropCollection"] }];
  const data = dataCollection(type, name);
  const expires = metadata !== null && collectionExpiry(metadata) !== null;
  const capped = metadata !== null && isCapped(metadata.options);
  const indexed = hasIndexes(planned, metadata);
  return [
    { database, name: data, actions: ["find", "insert"] },
    {
      database,
      name: data,
      actions: mayHaveValidator(type, planned) ? ["bypassDocumentValidation"] : [],
    },
    // Nobody may drop stored functions: they are emptied.
    { database, name, actions: [name === "system.js" ? "remove" : "dropCollection"] },
    // A collection of documents is also made by who may insert them.
    { database, name, actions: type === "timeseries" ? ["createCollection"] : [] },
    { database, name, actions: indexed ? ["createIndex"] : [] },
    { database, name, actions: expires ? ["collMod"] : [] },
    { database, name, actions: capped ? ["convertToCapped"] : [] },
    { database, name: data, actions: replays ? REPLAY_ACTIONS : [] },
  ];
}

/** Also one that has none may be the one whose write concern is waited for (settleWrites). */
function hasIndexes(name: string, metadata: Placed["metadata"]): boolean {
  return !name.startsWith("system.") || (metadata?.indexes.length ?? 0) > 1;
}

/** The databases in which a staged restore keeps collections beside the live ones. */
export function stagedDatabases(plan: RestorePlan): string[] {
  if (plan.mode === "in-place") return [];
  const isIn = (database: string) => (namespace: string) => namespace.startsWith(`${database}.`);
  const staged = [
    ...plan.collections.filter((c) => c.way !== "in-place").map((c) => c.namespace),
    ...plan.remove.filter((name) => !plan.removeInPlace.includes(name)),
    ...(plan.oplog?.passing ?? [])
      .filter((one) => one.type !== "timeseries")
      .map((one) => `${one.database}.`),
  ];
  return plan.targetDatabases.filter((database) => staged.some(isIn(database)));
}

/** To stage, to swap by renames, and to look for what is staged where nothing is. */
export function needsOfStaging(plan: RestorePlan): Need[] {
  if (plan.mode === "in-place") return [];
  const more = ["bypassDocumentValidation", "createIndex", "dropCollection"];
  return [
    ...plan.targetDatabases.map((database) => ({ database, name: MARKERS, actions: ["find"] })),
    ...stagedDatabases(plan).map((database) => {
      return { database, name: "", actions: [...STAGING_ACTIONS, ...more] };
    }),
  ];
}

/** To merge the users and roles of a database; in `admin` they are everybody's. */
export function needsOfAccounts(database: string): Need[] {
  const temporary = ["insert", "bypassDocumentValidation", "dropCollection", "find"];
  return [
    ...[MERGED_USERS, MERGED_ROLES].map((name) => {
      return { database: "admin", name, actions: temporary };
    }),
    {
      ...{ database: database === "admin" ? "" : database, name: "" },
      actions: ["createUser", "createRole", "grantRole", "revokeRole"],
    },
  ];
}

/** What is lacking, one entry a resource. */
export function lackingOf(authority: Authority, needs: readonly Need[]): Need[] {
  const found = new Map<string, Need>();
  for (const need of needs) {
    const actions = authority.missing(need);
    if (actions.length === 0) continue;
    const { database, name } = need;
    const before = found.get(`${database}.${name}`)?.actions ?? [];
    found.set(`${database}.${name}`, {
      database,
      name,
      actions: [...new Set([...before, ...actions])],
    });
  }
  return [...found.values()];
}

/** `insert, find on surg.patients`, as people say it. */
export function inWords({ database, name, actions }: Need): string {
  return `${actions.join(", ")} on ${placeOf(database, name)}`;
}

/** Nobody grants rights on the names that restores give: whoever has them has them on the database. */
function placeOf(database: string, name: string): string {
  if (database === "") return "all databases";
  if (name.startsWith(OWN_PREFIX) || name === "") return `all of ${database}`;
  return name.includes(OWN_PREFIX) ? `all buckets of ${database}` : `${database}.${name}`;
}

const ROLES: readonly (readonly [role: string, actions: readonly string[]])[] = [
  ["backup", ["find", "listCollections", "listIndexes"]],
  [
    "restore",
    [
      ...["insert", "bypassDocumentValidation", "createCollection", "dropCollection"],
      ...["createIndex", "collMod", "convertToCapped"],
      ...["createUser", "createRole", "grantRole", "revokeRole"],
    ],
  ],
];

/** What to grant: the server's own roles with the least that will do, and the rights for a role of one's own. */
export function grantHint(lacking: readonly Need[]): string {
  const actions = new Set(lacking.flatMap((need) => need.actions));
  const named = ROLES.filter(([, has]) => has.some((action) => actions.delete(action)));
  const roles = [
    ...named.map(([role]) => role),
    ...(actions.size > 0 ? ["readWriteAnyDatabase"] : []),
  ];
  const list = roles.map((role) => `"${role}"`).join(" and ");
  const granted = roles.map((role) => `{role: "${role}", db: "admin"}`).join(", ");
  const shown = lacking.slice(0, 3).map(inWords).join("; ");
  const more = lacking.length > 3 ? `; and on ${lacking.length - 3} more` : "";
  return `Grant the ${roles.length > 1 ? "roles" : "role"} ${list} on "admin" (in mongosh: db.getSiblingDB("admin").grantRolesToUser("<user>", [${granted}])), or a role with these rights: ${shown}${more}.`;
}

/** The error for a restore that is not begun. `subject`: what cannot be restored. */
export function rightsMissing(subject: string, lacking: readonly Need[]): KeepError {
  const [first, ...others] = lacking.map(inWords);
  const more = others.length > 0 ? ` (and ${others.length} more)` : "";
  return new KeepError(
    "rights-missing",
    `${subject} cannot be restored here: the user lacks ${first ?? "rights"}${more}`,
    { hint: grantHint(lacking), details: { missing: [first ?? "", ...others] } },
  );
}
