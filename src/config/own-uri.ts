// Combines a server's address and a login into one URI, and reads the secrets in the environment of this process. Pure
// except `environmentSecrets`.
import { KeepError } from "../errors.ts";
import { parseConnectionString } from "./connection-string.ts";

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** What `init` reads from the environment, because secrets do not belong in a command line. */
const FROM_ENVIRONMENT = [
  "MONGOKEEP_URI",
  "MONGOKEEP_RESTORE_URI",
  "ALERT_COMMAND",
  "ALERT_WEBHOOK_URL",
  "ALERT_PING_URL",
] as const;

export type InitSecret = (typeof FROM_ENVIRONMENT)[number];

/** Those that are set and not empty. */
export function environmentSecrets(): ReadonlyMap<InitSecret, string> {
  const set = FROM_ENVIRONMENT.map((name) => [name, process.env[name]?.trim() ?? ""] as const);
  return new Map(set.filter(([, value]) => value !== ""));
}

/** The URI with this login, which belongs to `admin` unless the URI says otherwise. @throws KeepError bad-setting */
export function withLogin(uri: string, login: Login): string {
  parseConnectionString(uri, "the address of the server");
  const [, scheme = "", rest = ""] = /^([\w+]+:\/\/)(?:[^@/]*@)?(.*)$/s.exec(uri) ?? [];
  const userinfo = `${encode(login.user)}:${encode(login.password)}@`;
  if (/[?&]authSource=/i.test(rest)) return `${scheme}${userinfo}${rest}`;
  const [place = "", options] = rest.split("?", 2);
  const path = place.includes("/") ? place : `${place}/`;
  const more = options === undefined || options === "" ? "" : `&${options}`;
  return `${scheme}${userinfo}${path}?authSource=admin${more}`;
}

/** Every user of the machine can read a command line. @throws KeepError usage, bad-setting */
export function assertNoPassword(uri: string): void {
  if (parseConnectionString(uri, "--uri").password === null) return;
  throw new KeepError(
    "usage",
    "--uri has a password in it, which every user of this machine can read in the list of processes",
    {
      hint: "Change the password if others use this machine. Leave it out of the address, and set MONGOKEEP_URI in the environment, or name a file that holds it (- is stdin) with --password-file",
    },
  );
}

/** A quote would be a problem in a .env. */
const encode = (text: string) => encodeURIComponent(text).replaceAll("'", "%27");
