import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../util/secret.ts";
import { dumpArgs, namesReadPreference, toolConfig, toolUri } from "./mongo-tools.ts";

const shown = (uri: string) => toolUri(new Secret(uri)).reveal();

test("a database in the URI becomes the place to log in, and nothing to dump", () => {
  const cases = [
    ["mongodb://u:p@h:1/surg", "mongodb://u:p@h:1/?authSource=surg"],
    ["mongodb://u:p@h/surg?authSource=admin", "mongodb://u:p@h/?authSource=admin"],
    ["mongodb://u:p@a:1,b:2/surg?replicaSet=rs", "mongodb://u:p@a:1,b:2/?replicaSet=rs&authSource=surg"],
    ["mongodb://h/surg", "mongodb://h/"],
    ["mongodb://h", "mongodb://h/"],
    ["mongodb://h?tls=true", "mongodb://h/?tls=true"],
    ["mongodb+srv://u:p@h.example/surg", "mongodb+srv://u:p@h.example/?authSource=surg"],
    ["mongodb://CN%3Dx@h/surg?authMechanism=MONGODB-X509", "mongodb://CN%3Dx@h/?authMechanism=MONGODB-X509"],
  ]; // prettier-ignore
  for (const [given = "", wanted] of cases) assert.equal(shown(given), wanted, given);
});

test("the URI goes into the file as one quoted line, whatever is in it", () => {
  const uri = 'mongodb://u:p"\\\n#x@h/';
  const text = toolConfig(new Secret(uri));
  assert.match(text, /^uri: "[^\n]*"\n$/);
  assert.equal(JSON.parse(text.slice("uri: ".length)), uri);
});

test("a read preference of the URI is left alone", () => {
  assert.ok(namesReadPreference(new Secret("mongodb://h/?readpreference=secondary")));
  assert.ok(!namesReadPreference(new Secret("mongodb://h/?readPreferenceTags=a:b")));
});

test("names that look like options stay names", () => {
  const call = { config: "/c", out: "/o", accounts: true, oplog: false, gzip: true };
  const args = dumpArgs({ ...call, database: "-d", exclude: ["-rf", "a b"], readPreference: null });
  assert.deepEqual(args, [
    "--config=/c",
    "--out=/o",
    "--db=-d",
    "--excludeCollection=-rf",
    "--excludeCollection=a b",
    "--dumpDbUsersAndRoles",
    "--gzip",
  ]);
});
