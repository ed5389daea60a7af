// The application's own URI, with options that change what answers look like, how long anything may take and
// whether writes are acknowledged: mongokeep's work must come out the same.
import assert from "node:assert/strict";
import { requires } from "../support/requires.ts";
import { workspace } from "../support/workspace.ts";

const OPTIONS = {
  "the form of answers":
    "raw=true&promoteValues=false&promoteLongs=false&promoteBuffers=true&useBigInt64=true&bsonRegExp=true&serializeFunctions=true&ignoreUndefined=true&enableUtf8Validation=false",
  "limits and acknowledgements":
    "w=0&journal=false&readConcernLevel=linearizable&waitQueueTimeoutMS=1&maxPoolSize=1&timeoutMS=1&socketTimeoutMS=1&compressors=snappy,zlib&retryReads=false&maxIdleTimeMS=1&wtimeoutMS=1&monitorCommands=true",
  "members and other drivers":
    "readPreference=secondary&readPreferenceTags=dc:elsewhere&maxStalenessSeconds=120&uuidRepresentation=standard&useUnifiedTopology=true&tz_aware=true&appName=shop",
};

for (const [what, options] of Object.entries(OPTIONS))
  requires(
    { topology: "replicaSet" },
    `a URI with the application's options (${what}) backs up and restores everything`,
    async (t, { db, name, uri }) => {
      const { client } = db;
      await db.collection<{ _id: number }>("patients").insertMany([{ _id: 1 }, { _id: 2 }]);
      const index = { name: "at_1", key: { at: 1 }, expireAfterSeconds: 3_600 };
      await db.command({ createIndexes: "patients", indexes: [index] });
      await db.createCollection("ring", { capped: true, size: 4_096 });
      await db.createCollection("latest", {
        viewOn: "patients",
        pipeline: [{ $match: { a: /x/i } }],
      });
      const before = await definitionsOf(name);
      const glue = uri.includes("?") ? "&" : "?";
      const place = await workspace(t, { MONGODB_URI: `${uri}${glue}${options}` });
      const backup = await place.run(["backup", "--json"]);
      assert.equal(backup.code, 0, backup.stderr);
      await db.dropDatabase();
      const restore = await place.run(["restore", "latest", "--confirm", "--json"]);
      assert.equal(restore.code, 0, restore.stderr);
      assert.deepEqual(await definitionsOf(name), before);
      assert.equal(await db.collection("patients").countDocuments(), 2);
      const diff = await place.run(["diff", "latest"]);
      assert.equal(diff.code, 0, diff.stdout + diff.stderr);

      async function definitionsOf(database: string) {
        const own = client.db(database);
        const collections = await own.listCollections({ name: /^[^_]/ }).toArray();
        const described = collections.map((c) => [c.name, "options" in c ? c.options : null]);
        const indexes = await own.collection("patients").listIndexes().toArray();
        return JSON.stringify([described.sort(), indexes]);
      }
    },
  );
