// Why a connection or login failed: messages of the driver, DNS, TLS and the server as a KeepError.
import {
  MongoAPIError,
  MongoAWSError,
  MongoClientClosedError,
  MongoCompatibilityError,
  MongoExpiredSessionError,
  MongoKerberosError,
  MongoMissingDependencyError,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoOIDCError,
  MongoOperationTimeoutError,
  MongoParseError,
  MongoRuntimeError,
  MongoServerClosedError,
  MongoServerError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
} from "mongodb";
import { KeepError, outOfFiles } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";
import { redact } from "../util/redact.ts";

/** Atlas uses one code for many errors; missing rights show in the text. */
const ATLAS_ERROR = 8000;
export function isAtlasRefusal(code: unknown, message: string): boolean {
  return code === ATLAS_ERROR && /not (allowed|authorized)/i.test(message);
}

/** Unreachable, login failed or unusable settings; undefined for any other error. */
export function connectionError(error: unknown): KeepError | undefined {
  return (
    outOfFiles(error) ??
    lostConnection(error) ??
    unusableUri(error) ??
    unusablePassword(error) ??
    unresolvedName(error) ??
    unusableKey(error) ??
    unreadableFile(error)
  );
}

/** The errors that can occur at any time, not only while connecting. */
export function lostConnection(error: unknown): KeepError | undefined {
  return refusedLogin(error) ?? unreachable(error);
}

/** Other errors with which a server refuses a login. */
export function refusedAtLogin(error: unknown): KeepError | undefined {
  if (error instanceof MongoServerError || error instanceof MongoRuntimeError)
    return loginFailed(error);
  return undefined;
}

/** src/mongo/base/error_codes.yml in the server's source: UserNotFound, ProtocolError (of SASL), AuthenticationFailed,
 * MechanismUnavailable, ReauthenticationRequired. */
const LOGIN_CODES: readonly unknown[] = [11, 17, 18, 334, 391, ATLAS_ERROR];
const LOGIN_WORDS =
  /authentication failed|bad auth|requires authentication|authentication for mechanism|unsupported mechanism|mechanism .*not (?:enabled|supported)|\bSASL\b|\bSCRAM-SHA/i;
/** BadValue and Unauthorized, which also have many other meanings. */
const WORDY_CODES: readonly unknown[] = [2, 13];

function refusedLogin(error: unknown): KeepError | undefined {
  const isOfMechanism = [MongoKerberosError, MongoAWSError, MongoOIDCError].some(
    (kind) => error instanceof kind,
  );
  if (isOfMechanism) return loginFailed(error as Error);
  if (error instanceof MongoServerError) {
    const { code, message } = error;
    const isLogin =
      (LOGIN_CODES.includes(code) && !isAtlasRefusal(code, message)) ||
      (WORDY_CODES.includes(code) && LOGIN_WORDS.test(message));
    return isLogin ? loginFailed(error) : undefined;
  }
  const isOfNetwork =
    error instanceof MongoServerSelectionError || error instanceof MongoNetworkError;
  if (!isOfNetwork || error.message.includes("ECONN")) return undefined;
  return LOGIN_WORDS.test(error.message) ? loginFailed(error) : undefined;
}

function loginFailed(cause: Error): KeepError {
  const message = redact(cause.message);
  if (/requires authentication/i.test(message))
    return new KeepError("login-failed", `MongoDB asks for a login: ${message}`, {
      hint: "Put a user and a password into MONGODB_URI, or set MONGODB_USERNAME and MONGODB_PASSWORD.",
      cause,
    });
  const hint = /mechanism|\$external|SCRAM|Kerberos|GSSAPI|X\.?509|OIDC|AWS/i.test(message)
    ? "Check authMechanism and authSource in MONGODB_URI. LDAP (PLAIN) and Kerberos are for MongoDB Enterprise and Atlas, X.509 needs TLS and a client's certificate, and a user that createUser made logs in without authMechanism, at the database that it was made in."
    : undefined;
  return new KeepError("login-failed", `MongoDB refused the login: ${message}`, {
    ...(hint !== undefined && { hint }),
    cause,
  });
}

const CLOSED = [
  MongoClientClosedError,
  MongoExpiredSessionError,
  MongoNotConnectedError,
  MongoServerClosedError,
  MongoTopologyClosedError,
];

function unreachable(error: unknown): KeepError | undefined {
  const isOfNetwork =
    error instanceof MongoServerSelectionError ||
    error instanceof MongoNetworkError ||
    error instanceof MongoOperationTimeoutError;
  if (isOfNetwork) return withHint(error, "cannot reach MongoDB");
  return CLOSED.some((kind) => error instanceof kind)
    ? withHint(error as Error, "the connection to MongoDB was closed")
    : undefined;
}

/** Error texts of Node and OpenSSL → what to do. The first match counts. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /certificate has expired|CERT_HAS_EXPIRED/i,
    "Renew the server's certificate (or set this machine's clock, if that is wrong).",
  ],
  [/not yet valid/i, "Set this machine's clock: the server's certificate begins in the future."],
  [/does not match certificate|altnames/i, "Name the host in MONGODB_URI as its certificate does."],
  [
    /self.signed|unable to (?:verify|get)|issuer|unknown ca/i,
    "Set MONGODB_TLS_CA_FILE to the certificate authority that signed the server's certificate.",
  ],
  [
    /wrong version number|packet length too long|unsupported protocol|protocol version|record layer/i,
    "One side speaks TLS and the other does not, or another version of it: check MONGODB_TLS, or tls=true in MONGODB_URI.",
  ],
  [
    /alert (?:number )?\d+|alert|certificate required|bad certificate|handshake|peer did not return a certificate/i,
    "The server may ask for a client's certificate: name it by tlsCertificateKeyFile in MONGODB_URI. Its log says why it refused.",
  ],
  [
    /ENOTFOUND|ENODATA|ESERVFAIL|EREFUSED|EBADNAME/,
    "The host name is unknown here: check the host in MONGODB_URI, and this machine's DNS (getent hosts NAME).",
  ],
  [
    /EAI_AGAIN|ETIMEOUT|query(?:Srv|Txt) (?:ECONNREFUSED|ETIMEDOUT)/,
    "This machine's DNS does not answer: check /etc/resolv.conf and the network, then run it again.",
  ],
  [
    /ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL/,
    "There is no route to that host from here: check the network, its routes and firewalls.",
  ],
];

function withHint(cause: Error, what: string, code: ErrorCode = "unreachable"): KeepError {
  const message = redact(cause.message);
  const hint = HINTS.find(([words]) => words.test(message))?.[1];
  return new KeepError(code, `${what}: ${message}`, {
    ...(hint !== undefined && { hint }),
    cause,
  });
}

const OLD_HINT =
  "This version of mongokeep does not support that server. Back it up with the mongodump of its own version.";
const MODULE_HINT =
  "mongokeep does not include that module. Create a user that logs in by password (SCRAM) or by X.509, and use that one.";
const DNS_HINT =
  "Ask the administrator of that DNS zone, or write the members into MONGODB_URI (mongodb://a:27017,b:27017/…).";
const URI_HINT =
  "It looks like mongodb://user:password@host:27017/database?authSource=admin, with special characters percent-encoded.";

function unusableUri(error: unknown): KeepError | undefined {
  if (error instanceof MongoCompatibilityError)
    return new KeepError("unfit-server", redact(error.message), { hint: OLD_HINT, cause: error });
  if (!(error instanceof MongoParseError || error instanceof MongoAPIError)) return undefined;
  const isOfDns = /text record|TXT record|No addresses found|Server record/i.test(error.message);
  const hint =
    error instanceof MongoMissingDependencyError ? MODULE_HINT : isOfDns ? DNS_HINT : URI_HINT;
  const message = `MONGODB_URI cannot be used: ${redact(error.message)}`;
  return new KeepError("bad-setting", message, { hint, cause: error });
}

/** Found by the driver when it prepares a password (RFC 4013). */
function unusablePassword(error: unknown): KeepError | undefined {
  if (!(error instanceof Error) || !/rfc4013|rfc3454/i.test(error.message)) return undefined;
  const message =
    "the password of MongoDB contains a character that is not allowed in a login, such as a line break";
  return new KeepError("bad-setting", message, {
    hint: "Remove the line break from MONGODB_PASSWORD (a secret in a file often ends with one), or the character from MONGODB_URI.",
    cause: error,
  });
}

/** The records of a mongodb+srv:// name, which the driver looks up itself. */
function unresolvedName(error: unknown): KeepError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { syscall = "" } = error as NodeJS.ErrnoException;
  if (!syscall.startsWith("query") && syscall !== "getaddrinfo") return undefined;
  return withHint(error, "cannot look up the host of MONGODB_URI");
}

/** Errors of OpenSSL for files in a URI, and of Node for the part after its colon. */
function unusableKey(error: unknown): KeepError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) return undefined;
  if (/^ERR_(?:OSSL|SSL|TLS|CRYPTO)/.test(code))
    return new KeepError(
      "bad-setting",
      `cannot use a certificate or key that MONGODB_URI names: ${redact(error.message)}`,
      {
        hint: "It must be a PEM file with the certificate and, for a client, its private key. Give the key's password with tlsCertificateKeyFilePassword.",
        cause: error,
      },
    );
  if (code !== "ERR_SOCKET_BAD_PORT" && code !== "ERR_INVALID_URL") return undefined;
  const message = `MONGODB_URI cannot be used: ${redact(error.message)}`;
  return new KeepError("bad-setting", message, { hint: URI_HINT, cause: error });
}

/** The driver reads the files named in a URI (certificates, keys) when it connects. */
function unreadableFile(error: unknown): KeepError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, syscall, path } = error as NodeJS.ErrnoException;
  if (code === undefined || path === undefined || !["open", "read"].includes(syscall ?? ""))
    return undefined;
  return new KeepError("bad-setting", `cannot read ${path}, which MONGODB_URI names (${code})`, {
    hint: "Correct the path in MONGODB_URI, or let this user read the file.",
    cause: error,
  });
}
