// The questions of `mongokeep init`. Loaded only for a person on a terminal.
import { cancel, confirm, isCancel, log, password, text } from "@clack/prompts";
import { withLogin } from "../config/own-uri.ts";
import { parseConnectionString } from "../config/connection-string.ts";
import { KeepError, toKeepError } from "../errors.ts";
import type { JobContext } from "../jobs/context.ts";
import { createUserCommand } from "../jobs/init/logins.ts";
import type { Purpose } from "../jobs/init/logins.ts";
import type { InitAnswers } from "../jobs/init/result.ts";
import { rememberSecret } from "../util/redact.ts";
import { testConnection } from "./init-connection.ts";

/** Asks for what `given` leaves open; an empty answer keeps a setting. @throws KeepError interrupted */
export async function askAnswers(context: JobContext, given: InitAnswers): Promise<InitAnswers> {
  const { settings } = context;
  const uri = given.uri ?? (await askConnection(context));
  if (given.uri !== null) log.success(await testConnection(context, given.uri, "backup"));
  const connection = uri ?? settings.uri?.reveal() ?? "";
  const restoreUri = given.restoreUri ?? (await askRestoreLogin(context, connection));
  const database = given.database ?? changed(await ask("Database to back up (several: a,b; empty: all)", settings.databases?.join(",") ?? parseConnectionString(connection, "the address").database ?? ""), settings.databases?.join(",")); // prettier-ignore
  const folder = given.folder ?? changed(await ask("Folder for backups, on another disk than the database if possible", settings.backupDir), settings.backupDir); // prettier-ignore
  const timezone = changed(await ask("Time zone", given.timezone ?? settings.timezone), null);
  const service = given.service ?? changed(await ask("systemd unit of the application, stopped during a restore (empty: none)", ""), null); // prettier-ignore
  const alertCommand = given.alertCommand ?? changed(await ask("Shell command that reports problems, such as: mail -s mongokeep you@example.org (empty: keep the setting)", ""), null); // prettier-ignore
  const go = await confirm({ message: "Write .env (readable by you alone), check, and go on?" });
  if (go !== true) stop();
  return { ...given, uri, restoreUri, database, folder, timezone, service, alertCommand };
}

/** Does not show the input. @throws KeepError interrupted */
export async function askPassword(message: string): Promise<string> {
  const typed = await password({ message });
  if (isCancel(typed)) return stop();
  rememberSecret(typed);
  return typed;
}

/** null: keep the connection in the settings. */
async function askConnection(context: JobContext): Promise<string | null> {
  const { settings } = context;
  const current = settings.uri?.reveal() ?? null;
  if (current !== null && (await isKept(context, current))) return null;
  for (;;) {
    const local = `mongodb://${settings.hosts.join(",") || "127.0.0.1:27017"}/`;
    const address = await ask("Address of MongoDB, without a login", "", local);
    try {
      const uri = await askLogin(address, "backup", "User for backups (empty: the server asks for no login)"); // prettier-ignore
      log.success(await testConnection(context, uri, "backup"));
      return uri;
    } catch (error) {
      again(context, error);
    }
  }
}

async function isKept(context: JobContext, current: string): Promise<boolean> {
  try {
    log.success(await testConnection(context, current, "backup"));
    const message = `Use the connection of ${context.settings.uriName ?? "the settings"} for backups?`;
    const kept = await confirm({ message });
    return isCancel(kept) ? stop() : kept;
  } catch (error) {
    again(context, error);
    return false;
  }
}

async function askRestoreLogin(context: JobContext, connection: string): Promise<string | null> {
  for (;;) {
    try {
      const uri = await askLogin(connection, "restore", "User for restores (empty: the same, or given when needed)"); // prettier-ignore
      if (uri === connection) return null;
      await testConnection(context, uri, "restore");
      return uri;
    } catch (error) {
      again(context, error);
    }
  }
}

/** The address without a login for an empty user. */
async function askLogin(address: string, purpose: Purpose, question: string): Promise<string> {
  const user = await ask(question, "");
  if (user === "") return address;
  log.info(`If there is no such user yet, run in mongosh as an administrator:
${createUserCommand(user, purpose)}`); // prettier-ignore
  return withLogin(address, { user, password: await askPassword(`Password of ${user}`) });
}

/** `initialValue` is there to be changed. An empty answer means `defaultValue`, where there is one. */
async function ask(message: string, initialValue: string, defaultValue = ""): Promise<string> {
  const placeholder = initialValue || defaultValue;
  const typed = await text({ message, placeholder, initialValue, defaultValue });
  return isCancel(typed) ? stop() : typed.trim();
}

const changed = (typed: string, before: string | null | undefined) =>
  typed === "" || typed === before ? null : typed;

/** Prints why it failed, and asks again. */
function again({ signal }: JobContext, error: unknown): void {
  signal.throwIfAborted();
  const { code, message, hint } = toKeepError(error);
  if (code === "interrupted") throw error;
  log.error(`${message}\n${hint}`);
}

function stop(): never {
  cancel("Nothing was written.");
  throw new KeepError("interrupted", "init was cancelled: nothing was written");
}
