// The rights that an account needs to replay an oplog, and whether it can read one.
import type { MongoClient } from "mongodb";
import { missingActions } from "../mongo/privileges.ts";

/** For the commands and writes in an oplog. */
export const REPLAY_ACTIONS: readonly string[] = [
  ...["insert", "update", "remove", "bypassDocumentValidation"],
  ...["createCollection", "dropCollection", "createIndex", "dropIndex", "collMod"],
];

/** The actions that the account lacks; none if the server has no logins. */
export async function missingReplayActions(client: MongoClient): Promise<string[]> {
  return await missingActions(client, "", REPLAY_ACTIONS);
}
