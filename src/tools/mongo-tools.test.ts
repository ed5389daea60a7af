import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../util/secret.ts";
import { dumpArgs, namesReadPreference, toolConfig } from "./mongo-tools.ts";

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
