// The URI for other programs (mongodump, mongorestore), with everything written down that the driver found out: where
// a name of DNS leads, who logs in and in which database. What must stay true: a program that is given it reaches the
// same server as the driver did, as the same user, and checks that server's certificate no less.
import { Secret } from "../util/secret.ts";

/** What the driver's client knows once it is connected. What is not set is often undefined, whatever its types say. */
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
  /** Set where the server's name is not compared with its certificate. */
  readonly checkServerIdentity?: unknown;
  readonly tlsCRLFile?: string | undefined;
  readonly proxyHost?: string | undefined;
  readonly directConnection?: boolean | undefined;
  readonly loadBalanced?: boolean | undefined;
}

export type PlainUri =
  | { readonly uri: Secret }
  /** What of the connection the stock tools cannot do. */
  | { readonly unfit: string };

/** Taken over as they are written. */
const AS_WRITTEN =
  /^(authMechanismProperties|connectTimeoutMS|serverSelectionTimeoutMS|heartbeatFrequencyMS|localThresholdMS)$/i;
const OF_TLS = /^(tlsCAFile|tlsCertificateKeyFile|tlsCertificateKeyFilePassword)$/i;
const OF_READING = /^(readPreference|readPreferenceTags|maxStalenessSeconds)$/i;

/**
 * @param setName of the replica set that the driver found; null where it is none
 */
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

/** They pass over such options in silence: the connection would fail, or be less safe than it was asked for. */
function whatToolsCannot(options: ConnectedOptions): string | null {
  if (options.proxyHost !== undefined) return "connect through a proxy (proxyHost)";
  if (options.credentials?.mechanism === "MONGODB-OIDC") return "log in by MONGODB-OIDC";
  if (options.tls !== true) return null;
  if (options.tlsCRLFile !== undefined) return "check certificates against a list (tlsCRLFile)";
  const trustsAnyName = options.checkServerIdentity !== undefined;
  if (trustsAnyName && options.rejectUnauthorized !== false)
    return "pass over a server's name alone (tlsAllowInvalidHostnames)";
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

/** Without the set's name the tools would stay with the member that is named, be it no primary. */
function placeOptions(options: ConnectedOptions, setName: string | null): string[] {
  if (options.loadBalanced === true) return ["loadBalanced=true"];
  if (options.directConnection === true) return ["directConnection=true"];
  return setName === null ? [] : [`replicaSet=${encodeURIComponent(setName)}`];
}

function hostOf(host: ConnectedOptions["hosts"][number]): string {
  return host.socketPath === undefined ? host.toString() : encodeURIComponent(host.socketPath);
}
