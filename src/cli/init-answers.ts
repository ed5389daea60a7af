// The settings of `mongokeep init`: from flags and the environment, and on a terminal from questions. The connection is
// tested before anything is written.
import { readFile } from "node:fs/promises";
import { text as readStream } from "node:stream/consumers";
import { environmentSecrets, withLogin } from "../config/own-uri.ts";
import { KeepError } from "../errors.ts";
import type { JobContext } from "../jobs/context.ts";
import type { InitAnswers } from "../jobs/init/result.ts";
import { rememberSecret } from "../util/redact.ts";
import { testConnection } from "./init-connection.ts";
import { usage } from "./verb.ts";
import type { Flags } from "./verb.ts";

export interface InitFlags extends Flags {
  readonly uri?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly restoreUser?: string;
  readonly restorePasswordFile?: string;
  readonly database?: string;
  readonly folder?: string;
  readonly timezone?: string;
  readonly service?: string;
  readonly alertCommand?: string;
  readonly at: string;
  readonly systemd?: boolean;
  readonly doctor: boolean;
  readonly backup: boolean;
  readonly schedule: boolean;
  readonly yes?: boolean;
}

/** @throws KeepError usage, unreachable, login-failed, interrupted */
export async function readAnswers(
  context: JobContext,
  flags: InitFlags,
  asks: boolean,
): Promise<InitAnswers> {
  const given = await readGiven(context, flags);
  if (asks) {
    const { askAnswers } = await import("./ask-init.ts");
    return await askAnswers(context, given);
  }
  const { uri } = context.settings;
  if (given.uri === null && uri === null)
    throw usage(
      "no MongoDB is named: init needs --uri, or MONGOKEEP_URI in the environment",
      "For example: mongokeep init --uri mongodb://127.0.0.1:27017/surg --yes",
    );
  await testConnection(context, given.uri ?? uri?.reveal() ?? "", "backup");
  if (given.restoreUri !== null) await testConnection(context, given.restoreUri, "restore");
  return given;
}

async function readGiven(context: JobContext, flags: InitFlags): Promise<InitAnswers> {
  const secrets = environmentSecrets();
  const current = context.settings.uri?.reveal();
  const base = flags.uri ?? secrets.get("MONGOKEEP_URI") ?? current;
  const login = async (user: string | undefined, file: string | undefined, flag: string) => {
    if (user === undefined) return null;
    if (base === undefined) throw usage("a login needs --uri, the address of its server");
    return withLogin(base, { user, password: await readPassword(user, file, flag) });
  };
  const own = await login(flags.user, flags.passwordFile, "--password-file");
  const restore = await login(flags.restoreUser, flags.restorePasswordFile, "--restore-password-file"); // prettier-ignore
  const { timezone, envFile } = context.settings;
  // A connection that only this shell's environment provides is missing at night.
  const unwritten = envFile === null ? (current ?? null) : null;
  return {
    uri: own ?? flags.uri ?? secrets.get("MONGOKEEP_URI") ?? unwritten,
    restoreUri: restore ?? secrets.get("MONGOKEEP_RESTORE_URI") ?? null,
    database: flags.database ?? null,
    folder: flags.folder ?? null,
    // Written to the file, because cron may have another TZ than this shell.
    timezone: flags.timezone ?? timezone,
    service: flags.service ?? null,
    alertCommand: flags.alertCommand ?? secrets.get("ALERT_COMMAND") ?? null,
    alertWebhookUrl: secrets.get("ALERT_WEBHOOK_URL") ?? null,
    alertPingUrl: secrets.get("ALERT_PING_URL") ?? null,
  };
}

/** Without one line break at its end. @throws KeepError usage */
async function readPassword(user: string, file: string | undefined, flag: string): Promise<string> {
  if (file === undefined && process.stdin.isTTY) {
    const { askPassword } = await import("./ask-init.ts");
    return await askPassword(`Password of ${user}`);
  }
  if (file === undefined) throw usage(`the password of ${user} is missing`, `Give a file that contains it (- is stdin) with ${flag}`); // prettier-ignore
  const text = file === "-" ? await readStream(process.stdin) : await readFile(file, "utf8").catch((cause: unknown) => {
    throw new KeepError("usage", `cannot read ${file}, the file of ${flag}`, { hint: "Name a file that this user may read.", cause });
  }); // prettier-ignore
  const password = text.replace(/\r?\n$/, "");
  if (password === "") throw usage(`${flag} is empty`);
  rememberSecret(password);
  return password;
}
