// Every way in which a connection or a login fails that is the world's doing, as the driver and Node word it.
import assert from "node:assert/strict";
import { createSecureContext } from "node:tls";
import { test } from "node:test";
import * as driver from "mongodb";
import type { ErrorCode } from "../errors.ts";
import { toKeepError } from "../errors.ts";
import { connectionError, refusedAtLogin } from "./connection-error.ts";
import "./server-error.ts";

const server = (code: number, message: string) =>
  new driver.MongoServerError({ message, errmsg: message, code });
const network = (message: string) => new driver.MongoNetworkError(message);
const system = (code: string, syscall: string) =>
  Object.assign(new Error(`${syscall} ${code} _mongodb._tcp.db.example.org`), { code, syscall });
const thrown = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};

const CASES: readonly (readonly [string, unknown, ErrorCode, RegExp])[] = [
  ["a wrong password", server(18, "Authentication failed."), "login-failed", /authSource/],
  ["a user that LDAP does not know", server(11, "Could not find user"), "login-failed", /user/],
  [
    "LDAP at a server without it",
    server(334, "Received authentication for mechanism PLAIN which is unknown or not enabled"),
    "login-failed",
    /LDAP/,
  ],
  [
    "SCRAM at $external",
    server(2, "Unsupported mechanism 'SCRAM-SHA-256' on authentication database '$external'"),
    "login-failed",
    /authSource/,
  ],
  ["X.509 without a certificate", server(2, "SASL: no client certificate"), "login-failed", /./],
  [
    "X.509 at another database",
    server(17, "X.509 authentication must always use the $external database."),
    "login-failed",
    /\$external|authSource/,
  ],
  [
    "no login at all",
    server(13, "Command listDatabases requires authentication"),
    "login-failed",
    /MONGODB_USERNAME/,
  ],
  ["Atlas", server(8000, "bad auth : authentication failed"), "login-failed", /password/],
  ["Kerberos", new driver.MongoKerberosError("No credentials cache found"), "login-failed", /./],
  ["a token service", new driver.MongoOIDCError("the token has expired"), "login-failed", /./],
  [
    "a module for Kerberos",
    thrown(() => {
      throw new driver.MongoMissingDependencyError("Optional module `kerberos` not found", {
        cause: new Error("x"),
        dependencyName: "kerberos",
      });
    }),
    "bad-setting",
    /SCRAM/,
  ],
  [
    "a line end in the password",
    new Error("Prohibited character, see https://tools.ietf.org/html/rfc4013#section-2.3"),
    "bad-setting",
    /line break/,
  ],
  [
    "nothing listens",
    network("connect ECONNREFUSED 127.0.0.1:27017"),
    "unreachable",
    /MongoDB runs/,
  ],
  ["an unknown host", network("getaddrinfo ENOTFOUND db"), "unreachable", /host name is unknown/],
  ["DNS that is down", network("getaddrinfo EAI_AGAIN db"), "unreachable", /DNS does not answer/],
  ["no SRV record", system("ENOTFOUND", "querySrv"), "unreachable", /host name is unknown/],
  ["no answer about SRV", system("ETIMEOUT", "querySrv"), "unreachable", /DNS does not answer/],
  ["a refusal of TXT", system("ESERVFAIL", "queryTxt"), "unreachable", /host name is unknown/],
  [
    "a malformed TXT record",
    new driver.MongoParseError("Text record may only set any of: authSource"),
    "bad-setting",
    /DNS zone/,
  ],
  [
    "SRV hosts of another domain",
    new driver.MongoAPIError("Server record does not share hostname with parent URI"),
    "bad-setting",
    /DNS zone/,
  ],
  ["an expired certificate", network("certificate has expired"), "unreachable", /Renew/],
  [
    "a self-signed certificate",
    network("self-signed certificate in certificate chain"),
    "unreachable",
    /MONGODB_TLS_CA_FILE/,
  ],
  [
    "a certificate of another host",
    network("Hostname/IP does not match certificate's altnames: IP: 127.0.0.1"),
    "unreachable",
    /as its certificate/,
  ],
  ["a certificate of the future", network("certificate is not yet valid"), "unreachable", /clock/],
  [
    "plain text to TLS",
    network("C0:error:0A00010B:SSL routines:wrong version number"),
    "unreachable",
    /MONGODB_TLS/,
  ],
  [
    "a client's certificate is asked for",
    network("ssl/tls alert certificate required: SSL alert number 116"),
    "unreachable",
    /tlsCertificateKeyFile/,
  ],
  ["no route", network("connect EHOSTUNREACH 10.0.0.1:27017"), "unreachable", /network/],
  [
    "a key file that is none",
    thrown(() => createSecureContext({ key: "no key" })),
    "bad-setting",
    /PEM/,
  ],
  [
    "a port beyond the last",
    Object.assign(new RangeError("Port should be < 65536"), { code: "ERR_SOCKET_BAD_PORT" }),
    "bad-setting",
    /mongodb:\/\//,
  ],
  [
    "a server of another age",
    new driver.MongoCompatibilityError("Server at a:1 reports wire version 5"),
    "unfit-server",
    /mongodump/,
  ],
  ["a malformed URI", new driver.MongoParseError("Invalid scheme"), "bad-setting", /mongodb:\/\//],
];

for (const [what, error, code, hint] of CASES) {
  test(`${what} is ${code}, with what to do`, () => {
    const known = connectionError(error);
    assert.equal(known?.code, code, String(error));
    assert.match(known.hint, hint);
  });
}

test("a server that only was asked to let us in refused the login, whatever its code", () => {
  assert.equal(refusedAtLogin(server(96, "something new"))?.code, "login-failed");
  assert.equal(refusedAtLogin(new TypeError("x")), undefined);
});

for (const [error, code] of [
  [new driver.MongoTopologyClosedError(), "unreachable"],
  [new driver.MongoNotConnectedError("Client must be connected"), "unreachable"],
  [network("connection 3 to 127.0.0.1:1 closed"), "unreachable"],
  [server(13, 'not authorized on surg to execute command { find: "x" }'), "rights-missing"],
  [server(11600, "interrupted at shutdown"), "server-error"],
  [server(121, "Document failed validation: { name: 'Erika' }"), "server-error"],
  [new driver.MongoUnexpectedServerResponseError("no reply"), "server-error"],
  [new driver.MongoInvalidArgumentError("Collection names cannot be empty"), "internal"],
] as const) {
  test(`what a job lets through of the driver is ${code}: ${error.name} ${String(error.code ?? "")}`, () => {
    const known = toKeepError(error);
    assert.equal(known.code, code);
    assert.doesNotMatch(known.message, /Erika|find:/);
  });
}
