import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutApplicationOptions } from "./uri-options.ts";

const left = (options: string) =>
  withoutApplicationOptions(`mongodb://u:p%3F@a,b:1/surg?${options}`);

test("options of the connection are kept as they are written, in their order", () => {
  const options =
    "replicaSet=rs0&tls=true&tlsCAFile=%2Fetc%2Fca.pem&authSource=admin&authMechanism=PLAIN&readPreference=secondary&readPreferenceTags=dc:a&readPreferenceTags=&connectTimeoutMS=1&directConnection=false&TLSInsecure=true";
  assert.deepEqual(left(options), {
    uri: `mongodb://u:p%3F@a,b:1/surg?${options}`,
    unknown: [],
  });
});

test("options of the application are left out, in any case of their letters", () => {
  const options =
    "raw=true&w=0&replicaSet=rs0&PromoteValues=false&waitQueueTimeoutMS=1&compressors=snappy,zlib&uuidRepresentation=standard&useBigInt64=true";
  assert.deepEqual(left(options), {
    uri: "mongodb://u:p%3F@a,b:1/surg?replicaSet=rs0",
    unknown: [],
  });
  assert.equal(left("raw=true").uri, "mongodb://u:p%3F@a,b:1/surg");
});

test("an option that nobody knows is left out and named; a slip in a connection's is the driver's to refuse", () => {
  assert.deepEqual(left("maxPoolSizze=3&tlsCaFle=x&%72aw=true"), {
    uri: "mongodb://u:p%3F@a,b:1/surg?tlsCaFle=x",
    unknown: ["maxPoolSizze"],
  });
});

test("a URI without options, or none at all, is given back", () => {
  for (const uri of [
    "mongodb://h",
    "mongodb://h/db",
    "mongodb+srv://u:p@h.example/db",
    "x?raw=true",
  ])
    assert.deepEqual(withoutApplicationOptions(uri), { uri, unknown: [] });
});
