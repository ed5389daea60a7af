// A service that an interrupted restore left stopped starts again, whatever else fails, and until then it is named.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { TestContext } from "node:test";
import { keptBeside } from "../support/fidelity.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { workspace } from "../support/workspace.ts";
import type { Workspace } from "../support/workspace.ts";

const RS = { topology: "replicaSet" } as const;
const KILLER = resolve(import.meta.dirname, "../support/kill-at-journal.ts");
const NOBODY = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200";

interface Place extends Workspace {
  readonly env: Record<string, string>;
  readonly log: string;
}

/** A backup with "old" in it, "new" in the live collection, and a service that writes down what it is told. */
async function ready(t: TestContext, fresh: FreshDatabase): Promise<Place> {
  const place = await workspace(t);
  const log = place.at("service.log");
  await writeFile(log, "");
  const env = {
    MONGODB_URI: fresh.uri,
    SERVICE_STOP: `echo stop >> '${log}'`,
    SERVICE_START: `echo start >> '${log}'`,
  };
  await place.writeEnv(env);
  await fresh.db.collection("a").insertOne({ v: "old" });
  const backup = await place.run(["backup", "--manual"]);
  assert.equal(backup.code, 0, backup.stderr);
  await fresh.db.collection("a").updateMany({}, { $set: { v: "new" } });
  return { ...place, env, log };
}

async function kill(
  place: Place,
  pattern: string,
  args: readonly string[] = ["restore", "latest"],
): Promise<void> {
  const env = { NODE_OPTIONS: `--import=${KILLER}`, KILL_AT_JOURNAL_MATCH: pattern };
  const run = await place.run([...args, "--confirm", "--json"], { env });
  assert.equal(run.signal, "SIGKILL", run.stdout + run.stderr);
}

const told = async ({ log }: Place) => (await readFile(log, "utf8")).trim().split("\n");
const valuesOf = ({ db }: FreshDatabase) => db.collection("a").distinct("v");
const findings = async (place: Place) => (await place.run(["status", "--json"])).stdout;

requires(
  RS,
  "a restore that was interrupted untouched can be resumed or undone until it is cleared up, and its service starts",
  async (t, fresh) => {
    const place = await ready(t, fresh);
    await kill(place, '"stop-service","state":"done"');
    assert.deepEqual(await told(place), ["stop"]);
    const kept = await keptBeside(fresh.client, fresh.name);
    assert.ok(kept.length > 0);
    await place.writeEnv({ ...place.env, MONGODB_URI: NOBODY });
    const failed = await place.run(["restore", "--resume", "--confirm", "--json"]);
    assert.equal(failed.json().error.code, "unreachable", failed.stdout);
    assert.equal((await told(place)).at(-1), "start", "the server is not needed for that");
    assert.deepEqual(await keptBeside(fresh.client, fresh.name), kept);
    await place.writeEnv(place.env);
    assert.match(await findings(place), /restore-leftovers/, "it is not over");
    const before = await told(place);
    const resumed = await place.run(["restore", "--resume", "--no-service", "--confirm", "--json"]);
    assert.equal(resumed.code, 0, resumed.stdout);
    assert.deepEqual(
      await told(place),
      before,
      "the service is left alone where that is asked now",
    );
    assert.deepEqual(await valuesOf(fresh), ["old"]);
  },
);

for (const command of [["rollback"], ["restore", "--resume"]])
  requires(
    RS,
    `a restore that is killed once it is undone is named, and ${command.join(" ")} starts the service`,
    async (t, fresh) => {
      const place = await ready(t, fresh);
      // It does not come up with the restored data, which is why that is undone.
      await place.writeEnv({ ...place.env, SERVICE_CHECK: "false", SERVICE_START: "exit 1" });
      await kill(place, '"undo","state":"done"');
      await place.writeEnv(place.env);
      assert.deepEqual(new Set(await told(place)), new Set(["stop"]));
      assert.deepEqual(await valuesOf(fresh), ["new"]);
      assert.match(
        await findings(place),
        /was undone, and interrupted before it started the service/,
      );
      const run = await place.run([...command, "--confirm", "--json"]);
      assert.equal(run.code, 0, run.stdout);
      assert.equal((await told(place)).at(-1), "start");
      assert.deepEqual(await valuesOf(fresh), ["new"]);
      assert.deepEqual(await keptBeside(fresh.client, fresh.name), []);
      assert.doesNotMatch(await findings(place), /was undone, and interrupted/);
      const again = await place.run([...command, "--confirm", "--json"]);
      assert.match(again.json().error.message, /nothing to undo|no restore to resume/);
    },
  );

requires(
  RS,
  "a killed rollback of a restore that broke starts no service, and the next one brings back data and service",
  async (t, fresh) => {
    const place = await ready(t, fresh);
    await kill(place, '"step":"drop","state":"done"', ["restore", "latest", "--in-place"]);
    await kill(place, '"stop-service","state":"done"', ["rollback"]);
    const cleared = await place.run(["rollback", "--confirm", "--json"]);
    assert.equal(cleared.code, 0, cleared.stdout + cleared.stderr);
    assert.match(cleared.stderr, /service stays stopped, because the data is between two states/);
    assert.deepEqual(new Set(await told(place)), new Set(["stop"]));
    const back = await place.run(["rollback", "--confirm", "--json"]);
    assert.equal(back.code, 0, back.stdout + back.stderr);
    assert.equal((await told(place)).at(-1), "start");
    assert.deepEqual(await valuesOf(fresh), ["new"]);
  },
);
