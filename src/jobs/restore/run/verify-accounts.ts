// Whether the users and roles that an undo or a rollback merged are what its safety backup recorded. The account that
// restores is left out: its password does not come back (restore/users.ts).
import { warn } from "../../../events.ts";
import { isDeepStrictEqual } from "node:util";
import * as BSON from "bson";
import type { Document } from "mongodb";
import { readChunks } from "../../../archive/chunk-reader.ts";
import type { OpenedBackup } from "../../../archive/opened.ts";
import { KeepError } from "../../../errors.ts";
import type { Emit } from "../../../events.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { driverError } from "../../../mongo/server-error.ts";
import { accountFilesOf } from "../../../restore/load/account-files.ts";
import type { RestoreContext } from "../../../restore/restore-context.ts";
import { actingAccount } from "../../../restore/load/users.ts";

type Kind = "user" | "role";
type Context = Pick<RestoreContext, "emit" | "signal">;

/** The backup that the users and roles of `usersOf` come back from; null: from none. */
export interface AccountsBack {
  readonly before: OpenedBackup | null;
  readonly usersOf: readonly string[];
}

interface Differences {
  readonly missing: readonly string[];
  readonly changed: readonly string[];
}

/** After a rollback. @throws KeepError failed, which names each difference */
export async function verifyAccounts(
  deployment: Deployment,
  accounts: AccountsBack,
  context: Context,
): Promise<void> {
  const { missing, changed } = await compare(deployment, accounts, context);
  if (missing.length + changed.length > 0) throw different([...missing, ...changed]);
}

/**
 * After an automatic undo. No restore changes an account that exists: what differs, somebody else changed since the
 * safety backup. That is reported, and no reason to leave the service stopped.
 * @throws KeepError failed, which names what is missing
 */
export async function assertAccountsThere(
  deployment: Deployment,
  accounts: AccountsBack,
  context: Context,
): Promise<void> {
  const { missing, changed } = await compare(deployment, accounts, context);
  if (changed.length > 0) {
    const message = `somebody changed users or roles after the safety backup, and the change stays: ${changed.join("; ")}`;
    warn(context.emit, "accounts-changed", message);
  }
  if (missing.length > 0) throw different(missing);
}

async function compare(
  deployment: Deployment,
  { before, usersOf }: AccountsBack,
  { emit, signal }: Context,
): Promise<Differences> {
  if (before === null || usersOf.length === 0) return { missing: [], changed: [] };
  try {
    return await compareAll(deployment, before, usersOf, signal);
  } catch (error) {
    if (!(error instanceof KeepError) || error.code !== "rights-missing") throw error;
    warnNotVerified(emit, usersOf, `${error.message} (${error.hint})`);
    return { missing: [], changed: [] };
  }
}

/** Where the safety backup has no users and roles, those that the restore replaced cannot come back. */
export function warnAccountsNotHeld(
  emit: Emit,
  before: OpenedBackup | null,
  usersOf: readonly string[],
): void {
  if (usersOf.length === 0 || before?.manifest?.users !== "not included") return;
  warnNotVerified(emit, usersOf, `the safety backup ${before.id} does not hold them`);
}

/** The data is back all the same: that nobody can tell of accounts is a warning. */
export function warnNotVerified(emit: Emit, usersOf: readonly string[], because: string): void {
  const message = `the users and roles of ${usersOf.join(", ")} are not verified: ${because}`;
  warn(emit, "accounts-not-verified", message);
}

const different = (differences: readonly string[]) =>
  new KeepError("failed", `users and roles are not what they were: ${differences.join("; ")}`, {
    details: { differences },
  });

async function compareAll(
  { client }: Deployment,
  backup: OpenedBackup,
  usersOf: readonly string[],
  signal: AbortSignal,
): Promise<Differences> {
  const isActing = await actingAccount({ client });
  const [missing, changed]: [string[], string[]] = [[], []];
  for (const database of usersOf) {
    const { users, roles } = await accountFilesOf(backup, database);
    for (const [file, kind] of [
      [users, "user"],
      [roles, "role"],
    ] as const) {
      if (file === null) continue;
      for await (const { raw } of readChunks(file, { width: 1, signal })) {
        const found = documentsIn(raw).filter((one) => kind === "role" || !isActing(one));
        const known = found.map((one) => BSON.deserialize(one));
        const differences = await differencesOf(client, kind, known);
        missing.push(...differences.missing);
        changed.push(...differences.changed);
      }
    }
  }
  return { missing, changed };
}

async function differencesOf(
  client: Deployment["client"],
  kind: Kind,
  before: readonly Document[],
): Promise<Differences> {
  const accounts = client.db("admin").collection<{ _id: string }>(`system.${kind}s`);
  const ids = before.map(({ _id }) => String(_id));
  const options = { readPreference: "primary" } as const;
  const live = await accounts
    .find({ _id: { $in: ids } }, options)
    .toArray()
    .catch((error: unknown) => {
      throw driverError("read", "users and roles", error);
    });
  const byId = new Map(live.map((one) => [one._id, one]));
  const changed = ids.filter((id, n) => {
    const there = byId.get(id);
    return there !== undefined && !isSame(before[n] ?? {}, there);
  });
  const missing = ids.filter((id) => !byId.has(id));
  return {
    missing: missing.map((id) => `the ${kind} ${id} is missing`),
    changed: changed.map((id) => `the ${kind} ${id} differs`),
  };
}

/** Fields in any order: the server writes a merged account anew. */
const isSame = (before: Document, now: Document) =>
  isDeepStrictEqual(BSON.EJSON.serialize(before), BSON.EJSON.serialize(now));

function documentsIn(raw: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < raw.length; at += raw.readInt32LE(at))
    found.push(raw.subarray(at, at + raw.readInt32LE(at)));
  return found;
}
