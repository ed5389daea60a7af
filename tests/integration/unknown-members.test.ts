// A replica set whose members' names lead nowhere from here, as those of a set in containers, and one of another name.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MongoClient } from "mongodb";
import { ROOT, tlsReplicaSet } from "../support/servers.ts";
import { atEnd } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";

test("a set that cannot be reached by its members' names, or has another name, is told with the way out", async (t) => {
  const { server, certificates } = await tlsReplicaSet(t);
  const client = await MongoClient.connect(server.uri);
  atEnd(t, () => client.close());
  await client.db("surg").collection<{ _id: number }>("patients").insertOne({ _id: 1 });
  const { port } = new URL(server.uri);
  const admin = client.db("admin");
  const { config } = await admin.command({ replSetGetConfig: 1 });
  // To who calls it localhost, the set calls its member by a name that leads nowhere.
  const [member] = config.members as object[];
  const members = [{ ...member, horizons: { outside: "localhost:1" } }];
  await admin.command({
    replSetReconfig: { ...config, version: Number(config.version) + 1, members },
  });
  const login = `${encodeURIComponent(ROOT.user)}:${encodeURIComponent(ROOT.password)}`;
  const uri = (options: string, host = "localhost") =>
    `mongodb://${login}@${host}:${port}/surg?authSource=admin&tls=true&tlsCAFile=${encodeURIComponent(certificates.caFile)}${options}`;
  const backup = async (MONGODB_URI: string) => {
    const place = await workspace(t, { MONGODB_URI });
    return await place.run(["backup"]);
  };

  const named = await backup(uri("&serverSelectionTimeoutMS=3000"));
  assert.equal(named.code, 6, named.stderr);
  assert.match(
    named.stderr,
    new RegExp(`localhost:${port} answers, .* calls its members localhost:1`),
  );
  assert.match(named.stderr, /Add directConnection=true to MONGODB_URI/);
  const direct = await backup(uri("&directConnection=true"));
  assert.equal(direct.code, 0, direct.stderr);

  const parts = {
    ...{ MONGODB_HOST: `localhost:${port}`, MONGODB_DATABASE: "surg" },
    ...{ MONGODB_USERNAME: ROOT.user, MONGODB_PASSWORD: ROOT.password },
    MONGODB_TLS_CA_FILE: certificates.caFile,
  };
  const place = await workspace(t, parts);
  assert.match((await place.run(["backup"])).stderr, /Add MONGODB_DIRECT_CONNECTION=true to \.env/);
  await place.writeEnv({ ...parts, MONGODB_DIRECT_CONNECTION: "true" });
  assert.equal((await place.run(["backup"])).code, 0);

  for (const options of [
    "&replicaSet=other&serverSelectionTimeoutMS=3000",
    "&replicaSet=other&serverSelectionTimeoutMS=3000&directConnection=true",
  ]) {
    const other = await backup(uri(options, "127.0.0.1"));
    assert.equal(other.code, 6, other.stderr);
    assert.match(
      other.stderr,
      /replica set other is asked for, and 127\.0\.0\.1:\d+ is in the replica set/,
    );
    assert.match(other.stderr, new RegExp(`Write replicaSet=${String(config._id)} in MONGODB_URI`));
  }
});
