// A server's address and a login → one URI; and the secrets that this process was given in its environment. Pure but
// for `environmentSecrets`.
import { KeepError } from "../errors.ts";
import { parseConnectionString } from "./connection-string.ts";

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** What `init` takes from the environment: secrets have no place in a command line. */
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

/** The URI with this login, which is looked up in `admin` unless the URI says where. @throws KeepError bad-setting */
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

/** A command line can be read by everybody on the machine. @throws KeepError usage, bad-setting */
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

/** A quote would be in the way in a .env. */
const encode = (text: string) => encodeURIComponent(text).replaceAll("'", "%27");
