// Parses a mongodb URI with the driver's parser. Nothing of the URI goes into a message, because it contains the
// password.
import { createRequire } from "node:module";
import { KeepError } from "../errors.ts";
import { findInvisible } from "./invisible.ts";

export interface ConnectionFacts {
  /** host:port of each seed in lower case, sorted; only the name for mongodb+srv. */
  readonly hosts: readonly string[];
  readonly username: string | null;
  readonly password: string | null;
  /** The path; null if it is empty or `admin`, which names the login database and not what to back up. */
  readonly database: string | null;
  readonly authSource: string;
  readonly directConnection: boolean;
  readonly tls: boolean;
  readonly tlsCaFile: string | null;
}

interface DriverUri {
  readonly hosts: string[];
  readonly isSRV: boolean;
  readonly username: string;
  readonly password: string;
  readonly pathname: string;
  readonly searchParams: URLSearchParams;
}

/** Loads the parser as the driver does, but without the driver: commands that need no server start faster. */
function driverParser(): new (uri: string) => DriverUri {
  const fromHere = createRequire(import.meta.url);
  const fromDriver = createRequire(fromHere.resolve("mongodb"));
  const loaded = fromDriver("mongodb-connection-string-url") as {
    ConnectionString: new (uri: string) => DriverUri;
  };
  return loaded.ConnectionString;
}

/** @throws KeepError bad-setting; `name` is the setting that holds the URI */
export function parseConnectionString(uri: string, name: string): ConnectionFacts {
  const url = parsed(uri, name);
  const port = url.isSRV ? "" : ":27017";
  const hosts = url.hosts.map((host) =>
    /:\d+$/.test(host) || isSocket(host) ? host : host + port,
  );
  const path = decodeURIComponent(url.pathname.replace(/^\//, ""));
  const option = (wanted: string) =>
    [...url.searchParams].find(([key]) => key.toLowerCase() === wanted)?.[1];
  const tls = option("tls") ?? option("ssl");
  return {
    hosts: [...new Set(hosts.map((host) => (isSocket(host) ? host : host.toLowerCase())))].sort(),
    username: url.username === "" ? null : decodeURIComponent(url.username),
    password: url.password === "" ? null : decodeURIComponent(url.password),
    database: path === "" || path === "admin" ? null : path,
    authSource: option("authsource") ?? (path === "" ? "admin" : path),
    directConnection: option("directconnection") === "true",
    tls: tls === undefined ? url.isSRV : tls === "true",
    tlsCaFile: option("tlscafile") ?? null,
  };
}

function isSocket(host: string): boolean {
  return /%2F/i.test(host);
}

function parsed(uri: string, name: string): DriverUri {
  const ConnectionString = driverParser();
  try {
    const url = new ConnectionString(uri);
    // Part of a name, a password or a number for the driver, and never intended.
    if (findInvisible(uri) !== null) throw new RangeError("an invisible character");
    // The driver finds these two only when it connects.
    decodeURIComponent(url.pathname);
    const badPort = url.hosts.some((host) => Number(/:(\d+)$/.exec(host)?.[1] ?? 1) > 65535);
    if (badPort) throw new RangeError("a port is greater than 65535");
    return url;
  } catch (error) {
    throw new KeepError("bad-setting", `${name} is not a mongodb URI: ${reasonOf(uri, error)}`, {
      hint: `Write ${name}='mongodb://user:password@host:27017/database', with special characters of user and password percent-encoded (@ %40, / %2F, : %3A, # %23, % %25), or set MONGODB_HOST, MONGODB_USERNAME and MONGODB_PASSWORD, which need no encoding.`,
      details: { setting: name },
    });
  }
}

/** The parser's message only if it is known to contain nothing of the URI. */
function reasonOf(uri: string, error: unknown): string {
  const message = error instanceof Error ? error.message : "";
  const invisible = findInvisible(uri);
  if (invisible !== null) return `it has an invisible character (${invisible})`;
  if (!/^mongodb(\+srv)?:\/\//.test(uri))
    return "it does not begin with mongodb:// or mongodb+srv://";
  const known = [
    "Password contains unescaped characters",
    "Username contains unescaped characters",
    "mongodb+srv URI cannot have port number",
    "mongodb+srv URI cannot have multiple service names",
    "a port is greater than 65535",
  ].find((text) => text === message);
  if (known) return known.charAt(0).toLowerCase() + known.slice(1);
  if (/:\/\/\/|:\/\/$|:\/\/[^/]*@(?:\/|$)/.test(uri)) return "it names no host";
  return (uri.match(/@/g) ?? []).length > 1 ? "it has more than one @" : "it cannot be read";
}
