import assert from "node:assert/strict";
import { test } from "node:test";
import { MongoClient } from "mongodb";
import { Secret } from "../util/secret.ts";
import { plainUri } from "./plain-uri.ts";

/** As the driver reads it; nothing is connected. */
function plain(uri: string, setName: string | null = null): string {
  const made = plainUri(new Secret(uri), new MongoClient(uri).options, setName);
  return "uri" in made ? made.uri.reveal() : made.unfit;
}

test("the place to log in is written down as the driver has it, and no database is", () => {
  const cases = [
    ["mongodb://u:p@h:1", "mongodb://u:p@h:1/?authSource=admin&tls=false"],
    ["mongodb://u:p@h:1/surg", "mongodb://u:p@h:1/?authSource=surg&tls=false"],
    ["mongodb://u:p@h/surg?authSource=x%20y", "mongodb://u:p@h:27017/?authSource=x%20y&tls=false"],
    ["mongodb://h/surg", "mongodb://h:27017/?tls=false"],
    ["mongodb://h/?authSource=admin", "mongodb://h:27017/?tls=false"],
    [
      "mongodb://a%40b:p%2F%3A%25%23@[::1]:5",
      "mongodb://a%40b:p%2F%3A%25%23@[::1]:5/?authSource=admin&tls=false",
    ],
    [
      "mongodb://u:p@%2Frun%2Fmongo%20db.sock/",
      "mongodb://u:p@%2Frun%2Fmongo%20db.sock/?authSource=admin&tls=false",
    ],
    [
      "mongodb://u:p@h/x?authMechanism=SCRAM-SHA-1",
      "mongodb://u:p@h:27017/?authSource=x&authMechanism=SCRAM-SHA-1&tls=false",
    ],
    [
      "mongodb://u:p@h/x?authMechanism=PLAIN",
      "mongodb://u:p@h:27017/?authSource=x&authMechanism=PLAIN&tls=false",
    ],
    [
      "mongodb://u:p@h/?authMechanism=PLAIN",
      "mongodb://u:p@h:27017/?authSource=%24external&authMechanism=PLAIN&tls=false",
    ],
    [
      "mongodb://CN%3Dx@h/surg?authMechanism=MONGODB-X509&tls=true&tlsCertificateKeyFile=/k.pem",
      "mongodb://CN%3Dx@h:27017/?tlsCertificateKeyFile=/k.pem&authSource=%24external&authMechanism=MONGODB-X509&tls=true",
    ],
  ];
  for (const [given = "", wanted] of cases) assert.equal(plain(given), wanted, given);
});

test("a name of DNS gives way to what it leads to, with the place to log in that DNS names", () => {
  const uri = "mongodb+srv://u:p@c0.case.test/surg?srvMaxHosts=0&srvServiceName=mongodb";
  const { options } = new MongoClient(uri);
  const credentials = { username: "u", password: "p", source: "admin", mechanism: "DEFAULT" };
  const made = plainUri(
    new Secret(uri),
    { ...options, hosts: ["m0.case.test:5"], credentials },
    "rs",
  );
  assert.ok("uri" in made);
  assert.equal(
    made.uri.reveal(),
    "mongodb://u:p@m0.case.test:5/?authSource=admin&replicaSet=rs&tls=true",
  );
});

test("a set that was found is named, so that its primary is; one member that is meant alone stays alone", () => {
  assert.equal(
    plain("mongodb://a,b/?replicaSet=rs", "rs"),
    "mongodb://a:27017,b:27017/?replicaSet=rs&tls=false",
  );
  assert.equal(plain("mongodb://a/", "r s"), "mongodb://a:27017/?replicaSet=r%20s&tls=false");
  assert.equal(
    plain("mongodb://a/?directConnection=true", "rs"),
    "mongodb://a:27017/?directConnection=true&tls=false",
  );
  assert.equal(
    plain("mongodb://a/?loadBalanced=true"),
    "mongodb://a:27017/?loadBalanced=true&tls=false",
  );
});

test("security options of the connection are kept, and TLS files alone do not enable TLS", () => {
  assert.equal(
    plain("mongodb://h/?ssl=true&tlsCAFile=/ca%20x.pem"),
    "mongodb://h:27017/?tlsCAFile=/ca%20x.pem&tls=true",
  );
  assert.equal(plain("mongodb://h/?tls=false&tlsCAFile=/ca.pem"), "mongodb://h:27017/?tls=false");
  for (const option of ["tlsAllowInvalidCertificates", "tlsInsecure"])
    assert.equal(
      plain(`mongodb://h/?tls=true&${option}=true`),
      "mongodb://h:27017/?tls=true&tlsInsecure=true",
    );
  assert.equal(
    plain("mongodb://h/?tls=true&tlsAllowInvalidCertificates=false"),
    "mongodb://h:27017/?tls=true",
  );
});

test("which members are read is kept, where the URI names it", () => {
  const tags =
    "readPreference=secondary&readPreferenceTags=dc:a&readPreferenceTags=&maxStalenessSeconds=120";
  assert.equal(
    plain(`mongodb://h/?${tags}&compressors=zlib`, "rs"),
    `mongodb://h:27017/?${tags}&replicaSet=rs&tls=false`,
  );
});

test("what the tools would pass over in silence makes them unfit", () => {
  for (const [options, why] of [
    ["tls=true&tlsAllowInvalidHostnames=true", /tlsAllowInvalidHostnames/],
    ["tls=true&tlsCRLFile=/crl.pem", /tlsCRLFile/],
    ["proxyHost=p.example", /proxyHost/],
  ] as const)
    assert.match(plain(`mongodb://h/?${options}`), why);
  assert.match(plain("mongodb://h/?tls=false&tlsAllowInvalidHostnames=true"), /tls=false$/);
});
