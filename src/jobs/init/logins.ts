// The two logins that mongokeep asks for, with the least rights that do, and whether the server takes one.
import type { Emit } from "../../events.ts";
import { KeepError } from "../../errors.ts";
import { openDeployment } from "../../mongo/deployment.ts";
import type { ServerInfo } from "../../mongo/server-info.ts";
import { Secret } from "../../util/secret.ts";

export type Purpose = "backup" | "restore";

const ROLES: Readonly<Record<Purpose, readonly string[]>> = {
  backup: ["backup"],
  // What restores every kind of collection, accounts included, and renames (restore/needs.ts).
  restore: ["backup", "restore", "readWriteAnyDatabase"],
};

/** For mongosh, logged in as an administrator. */
export function createUserCommand(user: string, purpose: Purpose): string {
  const roles = ROLES[purpose].map((role) => `"${role}"`).join(", ");
  return `db.getSiblingDB("admin").createUser({user: ${JSON.stringify(user)}, pwd: passwordPrompt(), roles: [${roles}]})`;
}

export interface LoginTest {
  readonly uri: string;
  /** null: without a login. */
  readonly user: string | null;
  readonly purpose: Purpose;
}

/** Connects and logs in. @throws KeepError unreachable, login-failed (with the command that makes the user) … */
export async function testLogin(
  { uri, user, purpose }: LoginTest,
  { emit, signal }: { readonly emit: Emit; readonly signal: AbortSignal },
): Promise<ServerInfo> {
  try {
    await using deployment = await openDeployment(new Secret(uri), { emit, signal });
    return deployment.server;
  } catch (error) {
    if (!(error instanceof KeepError) || error.code !== "login-failed" || user === null)
      throw error;
    const hint = `Check the user and the password. If there is no such user yet, make it in mongosh as an administrator: ${createUserCommand(user, purpose)}`;
    throw new KeepError("login-failed", error.message, {
      hint,
      details: error.details,
      cause: error,
    });
  }
}
