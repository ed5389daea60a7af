// The URI for other programs (mongodump, mongorestore), with everything that the driver found out: the hosts of a DNS
// name, who logs in, and in which database. What must stay true: the program reaches the same server as the driver, as
// the same user, and checks the server's certificate as strictly.
import { Secret } from "../util/secret.ts";

/** What the driver's client knows once connected. Unset options are often undefined, whatever its types say. */
export interface ConnectedOptions {
  readonly hosts: readonly { toString(): string; readonly socketPath?: string | undefined }[];
  readonly credentials?:
    | {
        readonly username: string;
        readonly password: string;
        readonly source: string;
        readonly mechanism: string;
      }
    | undefined;
  readonly tls?: boolean | undefined;
  readonly rejectUnauthorized?: boolean | undefined;
  /** Set if the server's name is not compared with its certificate. */
  readonly checkServerIdentity?: unknown;
  readonly tlsCRLFile?: string | undefined;
  readonly proxyHost?: string | undefined;
  readonly directConnection?: boolean | undefined;
  readonly loadBalanced?: boolean | undefined;
}

export type PlainUri =
  | { readonly uri: Secret }
  /** Connection options that the stock tools do not support. */
  | { readonly unfit: string };

/** Copied unchanged. */
const AS_WRITTEN =
  /^(authMechanismProperties|connectTimeoutMS|serverSelectionTimeoutMS|heartbeatFrequencyMS|localThresholdMS)$/i;
const OF_TLS = /^(tlsCAFile|tlsCertificateKeyFile|tlsCertificateKeyFilePassword)$/i;
const OF_READING = /^(readPreference|readPreferenceTags|maxStalenessSeconds)$/i;

/** @param setName of the replica set that the driver found; null if there is none */
export function plainUri(
  written: Secret,
  options: ConnectedOptions,
  setName: string | null,
): PlainUri {
  const unfit = whatToolsCannot(options);
  if (unfit !== null) return { unfit };
  const query = [
    ...keptOptions(written.reveal(), options),
    ...loginOptions(options),
    ...placeOptions(options, setName),
    `tls=${options.tls === true}`,
    ...(options.tls === true && options.rejectUnauthorized === false ? ["tlsInsecure=true"] : []),
  ];
  const hosts = options.hosts.map(hostOf).join(",");
  return { uri: new Secret(`mongodb://${userOf(options)}${hosts}/?${query.join("&")}`) };
}

/** The tools ignore such options silently: the connection would fail, or be less safe than requested. */
function whatToolsCannot(options: ConnectedOptions): string | null {
  if (options.proxyHost !== undefined) return "connect through a proxy (proxyHost)";
  if (options.credentials?.mechanism === "MONGODB-OIDC") return "log in by MONGODB-OIDC";
  if (options.tls !== true) return null;
  if (options.tlsCRLFile !== undefined) return "check certificates against a list (tlsCRLFile)";
  const trustsAnyName = options.checkServerIdentity !== undefined;
  if (trustsAnyName && options.rejectUnauthorized !== false)
    return "ignore only a server's name (tlsAllowInvalidHostnames)";
  return null;
}

function keptOptions(written: string, { tls }: ConnectedOptions): string[] {
  const all = (/\?(.*)$/s.exec(written)?.[1] ?? "").split("&");
  const nameOf = (option: string) => option.split("=", 1)[0] ?? "";
  const namesReading = all.some((option) => /^readPreference=/i.test(option));
  return all.filter((option) => {
    const name = nameOf(option);
    if (OF_READING.test(name)) return namesReading;
    return AS_WRITTEN.test(name) || (tls === true && OF_TLS.test(name));
  });
}

function userOf({ credentials }: ConnectedOptions): string {
  if (credentials === undefined || credentials.username === "") return "";
  const { username, password } = credentials;
  const secret = password === "" ? "" : `:${encodeURIComponent(password)}`;
  return `${encodeURIComponent(username)}${secret}@`;
}

function loginOptions({ credentials }: ConnectedOptions): string[] {
  if (credentials === undefined) return [];
  const { source, mechanism } = credentials;
  return [
    ...(source === "" ? [] : [`authSource=${encodeURIComponent(source)}`]),
    ...(mechanism === "DEFAULT" ? [] : [`authMechanism=${mechanism}`]),
  ];
}

/** Without the set's name the tools would stay with the named member, even if it is not the primary. */
function placeOptions(options: ConnectedOptions, setName: string | null): string[] {
  if (options.loadBalanced === true) return ["loadBalanced=true"];
  if (options.directConnection === true) return ["directConnection=true"];
  return setName === null ? [] : [`replicaSet=${encodeURIComponent(setName)}`];
}

function hostOf(host: ConnectedOptions["hosts"][number]): string {
  return host.socketPath === undefined ? host.toString() : encodeURIComponent(host.socketPath);
}
