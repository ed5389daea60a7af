// Tests a connection for `mongokeep init` before anything is written.
import { parseConnectionString } from "../config/connection-string.ts";
import type { JobContext } from "../jobs/context.ts";
import { testLogin } from "../jobs/init/logins.ts";
import type { Purpose } from "../jobs/init/logins.ts";
import { rememberSecret } from "../util/redact.ts";

/** Connects with the URI. @throws KeepError unreachable, login-failed … */
export async function testConnection(
  context: JobContext,
  uri: string,
  purpose: Purpose,
): Promise<string> {
  const { username, password, hosts } = parseConnectionString(uri, "the address of the server");
  if (password !== null) rememberSecret(password);
  const { version, topology } = await testLogin({ uri, user: username, purpose }, context);
  return `MongoDB ${version} at ${hosts.join(",")}, ${topology}`;
}
