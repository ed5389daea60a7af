// Builds a mongodb URI from MONGODB_HOST and related settings, and checks that such settings agree with a URI.
import { KeepError } from "../errors.ts";
import { parseConnectionString } from "./connection-string.ts";
import type { ConnectionFacts } from "./connection-string.ts";
import type { Found } from "./lookup.ts";
import type { SettingName } from "./schema.ts";

export interface UriParts {
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly authSource: string | undefined;
  readonly directConnection: boolean | undefined;
  readonly tls: boolean | undefined;
  /** Absolute. */
  readonly tlsCaFile: string | undefined;
}

/** A URI with all necessary percent-encoding. @throws KeepError bad-setting */
export function formatUri(parts: UriParts & { readonly host: string }): string {
  const hosts = parts.host.split(",").map((host) => withPort(host.trim(), parts.port));
  const { username, password } = parts;
  const login =
    username === undefined
      ? ""
      : `${encodeURIComponent(username)}:${encodeURIComponent(password ?? "")}@`;
  const options = new URLSearchParams();
  if (parts.authSource !== undefined) options.set("authSource", parts.authSource);
  if (parts.directConnection === true) options.set("directConnection", "true");
  const tls = parts.tls ?? (parts.tlsCaFile === undefined ? undefined : true);
  if (tls !== undefined) options.set("tls", String(tls));
  if (parts.tlsCaFile !== undefined) options.set("tlsCAFile", parts.tlsCaFile);
  // The driver decodes %20, not +.
  const query = options.toString().replaceAll("+", "%20");
  return `mongodb://${login}${hosts.join(",")}/${query === "" ? "" : `?${query}`}`;
}

const HOST = /^(?:\[[0-9a-f:.]+(?:%[\w.-]+)?\]|[\w.-]+)$/i;

function withPort(written: string, port: number | undefined): string {
  const bare = /^[0-9a-f:]*:[0-9a-f:]*:[0-9a-f.:]*$/i.test(written) ? `[${written}]` : written;
  const [, name, ownPort] = /^(.*?)(?::(\d{1,5}))?$/.exec(bare) ?? [];
  if (name === undefined || !HOST.test(name)) throw badHost(written);
  return `${name}:${ownPort ?? port ?? 27017}`;
}

function badHost(written: string): KeepError {
  const isUri = written.includes("://") || written.includes("@");
  // A URI in the wrong place may contain a password, so it is not shown.
  return new KeepError(
    "bad-setting",
    isUri
      ? "MONGODB_HOST contains a URI"
      : `MONGODB_HOST (${JSON.stringify(written)}) is not a host`,
    {
      hint: isUri
        ? "Put it into MONGODB_URI."
        : "A right value looks like this: db.example.org, or a:27017,b:27017 for a replica set.",
      details: { setting: "MONGODB_HOST" },
    },
  );
}

export function refuseHalfLogin({ username, password, tls, tlsCaFile }: UriParts): void {
  if ((username === undefined) !== (password === undefined)) {
    const [set, missing] =
      username === undefined
        ? ["MONGODB_PASSWORD", "MONGODB_USERNAME"]
        : ["MONGODB_USERNAME", "MONGODB_PASSWORD"];
    throw new KeepError("bad-setting", `${set} is set, but ${missing} is not`, {
      hint: `Set ${missing}='…', or remove ${set} for a server without login.`,
      details: { setting: missing },
    });
  }
  if (tls === false && tlsCaFile !== undefined) {
    throw new KeepError("bad-setting", "MONGODB_TLS is false, but MONGODB_TLS_CA_FILE is set", {
      hint: "Set MONGODB_TLS=true, or remove MONGODB_TLS_CA_FILE.",
      details: { setting: "MONGODB_TLS" },
    });
  }
}

/**
 * Parts at the same or a higher level than the URI must agree with it: silently ignoring a password or a host would
 * connect to a different server.
 */
export function refuseDisagreement(
  facts: ConnectionFacts,
  uri: Found,
  found: ReadonlyMap<SettingName, Found>,
  parts: UriParts,
): void {
  const agrees: Partial<Record<SettingName, () => boolean>> = {
    MONGODB_HOST: () => sameHosts(parts, facts),
    MONGODB_PORT: () => facts.hosts.every((host) => host.endsWith(`:${parts.port ?? ""}`)),
    MONGODB_USERNAME: () => facts.username === parts.username,
    MONGODB_PASSWORD: () => facts.password === parts.password,
    MONGODB_AUTH_SOURCE: () => facts.authSource === parts.authSource,
    MONGODB_DIRECT_CONNECTION: () => facts.directConnection === parts.directConnection,
    MONGODB_TLS: () => facts.tls === parts.tls,
    MONGODB_TLS_CA_FILE: () => facts.tlsCaFile === parts.tlsCaFile,
  };
  for (const [name, same] of Object.entries(agrees)) {
    const part = found.get(name as SettingName);
    if (part === undefined || part.level > uri.level || same()) continue;
    throw new KeepError("bad-setting", `${part.name} and ${uri.name} contradict each other`, {
      hint: `Put it into ${uri.name} and remove ${part.name}, or remove ${uri.name} and set MONGODB_HOST.`,
      details: { setting: part.name },
    });
  }
}

function sameHosts(parts: UriParts, facts: ConnectionFacts): boolean {
  const { host } = parts;
  if (host === undefined) return true;
  const own = parseConnectionString(
    formatUri({ ...parts, host, username: undefined }),
    "MONGODB_HOST",
  );
  const ports = parts.port === undefined && !/:\d/.test(host);
  const names = (hosts: readonly string[]) =>
    hosts.map((h) => (ports ? h.replace(/:\d+$/, "") : h));
  return names(own.hosts).join() === names(facts.hosts).join();
}
