// What an account must be allowed so that it can replay an oplog, and whether it can read one.
import type { MongoClient } from "mongodb";
import { missingActions } from "../mongo/privileges.ts";

/** Of the commands and writes that an oplog has in it. */
export const REPLAY_ACTIONS: readonly string[] = [
  ...["insert", "update", "remove", "bypassDocumentValidation"],
  ...["createCollection", "dropCollection", "createIndex", "dropIndex", "collMod"],
];

/** The actions that the account lacks; none where there are no logins. */
export async function missingReplayActions(client: MongoClient): Promise<string[]> {
  return await missingActions(client, "", REPLAY_ACTIONS);
}
