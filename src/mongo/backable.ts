// Which databases may be backed up by name. Pure.
import { KeepError } from "../errors.ts";
import { isServersDatabase } from "./servers-own.ts";

const HINT =
  "Name the databases of your application (MONGODB_DATABASE, the path of MONGODB_URI, or --db). Move collections of your own out of this one. The settings in config are part of a backup of all databases.";

/**
 * A backup of a server's own database could not be restored: its oplog, sessions and transactions belong to that one
 * server. @throws KeepError bad-setting
 */
export function assertBackable(databases: readonly string[] | null): void {
  const name = databases?.find(isServersDatabase);
  if (name === undefined) return;
  throw new KeepError(
    "bad-setting",
    `the database ${name} belongs to the server: a backup of it could not be restored`,
    {
      hint: HINT,
      details: { setting: "MONGODB_DATABASE", database: name },
    },
  );
}
