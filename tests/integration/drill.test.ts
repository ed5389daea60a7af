// A restore proved without touching anything live: `mongokeep drill` and `verify --level drill`, on real servers.
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { BSON, MongoClient } from "mongodb";
import { startMongod } from "../../src/tools/throwaway-mongod.ts";
import type { Json } from "../support/cli.ts";
import { fillInteresting } from "../support/fidelity.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { insertRaw, rawOddities } from "../support/raw-insert.ts";
import { requires } from "../support/requires.ts";
import { mongod } from "../support/servers.ts";
import { workspace } from "../support/workspace.ts";
import type { EnvValues, Workspace } from "../support/workspace.ts";
import type { Cleanup } from "../support/temporary.ts";

const NEEDS = { topology: "replicaSet" } as const;
const CHECKS = "checks.txt";

interface Prepared {
  readonly place: Workspace;
  readonly id: string;
  /** The throw-away server's folder is made in it, and nothing of it stays. */
  readonly tmp: string;
  readonly drill: (...args: string[]) => ReturnType<Workspace["run"]>;
}

/** A backup of interesting data, and what a drill of it needs. */
async function prepare(t: Cleanup, fresh: FreshDatabase, more: EnvValues = {}): Promise<Prepared> {
  const env = { MONGODB_URI: fresh.uri, MONGOD_BINARY: (await mongod()).path, ...more };
  const place = await workspace(t, env);
  const tmp = place.at("tmp");
  await mkdir(tmp);
  await fillInteresting(fresh.db);
  const { id } = (await place.run(["backup", "--manual", "--json"])).json();
  const drill = (...args: string[]) => place.run(args, { env: { TMPDIR: tmp } });
  return { place, id, tmp, drill };
}

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

requires(
  NEEDS,
  "a drill proves a backup, writes a report without contents, and status remembers",
  async (t, fresh) => {
    const alert = "cat >> alert.txt";
    const { place, id, tmp, drill } = await prepare(t, fresh, {
      DRILL_CHECKS: CHECKS,
      ALERT_COMMAND: alert,
    });
    await insertRaw(fresh.uri, fresh.name, "raw", rawOddities());
    // Expired long ago: the server would take it away within a minute, and never gets the time.
    await fresh.db.collection("sessions").insertOne({ at: new Date(0), secret: "Sekret-4711" });
    await fresh.db
      .collection("sessions")
      .createIndexes([{ key: { at: 1 }, name: "at_1", expireAfterSeconds: 3600 }]);
    await fresh.db.collection("audit").insertOne({ at: new Date() });
    const second = (await place.run(["backup", "--manual", "--json"])).json().id;
    assert.notEqual(second, id);
    const n = fresh.name;
    const good = [
      `patients: ${n}.patients.countDocuments >= 500`,
      `one of them: ${n}.patients.countDocuments({"mrn": "MRN-000007"}) = 1`,
      `is there: ${n}.patients.findOne({"mrn": "MRN-000007"}) exists`,
      `is gone: ${n}.patients.findOne({"mrn": "Sekret-0815"}) is missing`,
      `fresh: ${n}.audit.newest(at) within 1d of backup`,
    ];
    await writeFile(place.at(CHECKS), good.join("\n"));
    const run = await drill("drill", "--json");
    assert.equal(run.code, 0, run.stderr + run.stdout);
    const result = run.json();
    assert.deepEqual([result.ok, result.level, result.backup], [true, "drill", second]);
    assert.ok(
      result.collections.every(
        (one: Json) =>
          one.equal &&
          one.content === "equal" &&
          one.indexes === "equal" &&
          one.options === "equal",
      ),
      run.stdout,
    );
    assert.ok(result.collections.some((one: Json) => one.namespace === `${n}.sessions`));
    assert.deepEqual(
      result.checks.map((one: Json) => one.ok),
      good.map(() => true),
    );
    const folder = join(place.backupDir, "drills", result.drillId);
    assert.equal(result.report, join(folder, "report.html"));
    assert.deepEqual((await readdir(folder)).sort(), ["report.html", "report.json"]);
    const files = [folder, join(folder, "report.html"), join(folder, "report.json")];
    assert.deepEqual(await Promise.all(files.map(modeOf)), [0o700, 0o600, 0o600]);
    const report = JSON.parse(await readFile(files[2] ?? "", "utf8"));
    assert.deepEqual([report.ok, report.server.kind, report.backup.id], [true, "own", second]);
    const page = await readFile(files[1] ?? "", "utf8");
    for (const said of [second, report.server.version, `${n}.patients`, "Passed", "is gone"])
      assert.ok(page.includes(said), said);
    assert.doesNotMatch(page, /<script|https?:|src=|MRN-|Sekret/i);
    assert.doesNotMatch(JSON.stringify(report), /MRN-|Sekret/);
    assert.deepEqual(await readdir(tmp), []);
    const status = (await place.run(["status", "--json"])).json();
    assert.deepEqual([status.lastDrill.id, status.lastDrill.daysAgo], [result.drillId, 0]);
    assert.ok(status.lastDrill.restoreSeconds > 0);
    const planned = (await place.run(["restore", "latest", "--json"])).json();
    assert.equal(planned.plan.estimate.lastDrillSeconds, status.lastDrill.restoreSeconds);
    const listed = (await place.run(["list", "--json"])).json().backups;
    assert.deepEqual(
      listed.map((one: Json) => [one.id, one.verification.level]),
      [
        [second, "drill"],
        [id, "full"],
      ],
    );

    await writeFile(
      place.at(CHECKS),
      [
        ...good,
        `too many: ${n}.patients.countDocuments({"mrn": {"$gt": "MRN"}}) < 5`,
        `typo: ${n}.patient.countDocuments < 5`,
      ].join("\n"),
    );
    const failed = await drill("drill");
    assert.equal(failed.code, 3, failed.stderr);
    assert.match(failed.stdout, /THE DRILL FAILED/);
    assert.match(failed.stdout, /FAILED too many: .*countDocuments\(\{…\}\) < 5 \(\d+\)/);
    assert.match(failed.stdout, /FAILED typo: .*the backup holds no/);
    assert.match(
      await readFile(place.at("alert.txt"), "utf8"),
      /the drill of backup .* failed: check too many failed/,
    );
    const after = (await place.run(["status", "--json"])).json();
    assert.ok(after.problems.some((one: Json) => one.code === "drill-failed"));
    assert.equal(after.lastDrill.id, result.drillId);
    // What the user asked of the data is no damage of the files.
    assert.equal((await place.run(["list", "--json"])).json().backups.length, 2);
    assert.ok(
      (await place.run(["list", "--json"]))
        .json()
        .backups.every((one: Json) => one.state === "good"),
    );
  },
);

requires(
  NEEDS,
  "a damaged backup fails its drill, in the form of verify too, and is reported",
  async (t, fresh) => {
    const { place, id, drill } = await prepare(t, fresh);
    const path = join(place.backupDir, id, fresh.name);
    const [name = ""] = (await readdir(path)).filter((one) => one.startsWith("patients.bson"));
    const bytes = await readFile(join(path, name));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0xff;
    await writeFile(join(path, name), bytes);
    const run = await drill("verify", id, "--level", "drill", "--json");
    assert.equal(run.code, 3, run.stderr);
    const [backup] = run.json().backups;
    assert.deepEqual([backup.ok, backup.level], [false, "drill"]);
    assert.equal(backup.problems[0].file, `${fresh.name}/${name}`);
    const [drillId = ""] = await readdir(join(place.backupDir, "drills"));
    const page = await readFile(join(place.backupDir, "drills", drillId, "report.html"), "utf8");
    assert.match(page, /Failed: the backup could not be restored/);
    assert.equal((await place.run(["show", id, "--json"])).json().state, "damaged");
  },
);

requires(
  NEEDS,
  "wrong checks, a mongod that is none and a server in use are refused before anything is done",
  async (t, fresh) => {
    const { place, tmp, drill } = await prepare(t, fresh);
    const env = { MONGODB_URI: fresh.uri };
    const refuse = async (values: EnvValues, code: number, said: RegExp) => {
      await place.writeEnv({ ...env, ...values });
      const run = await drill("drill");
      assert.equal(run.code, code, run.stderr);
      assert.match(run.stderr, said);
    };
    await writeFile(
      place.at(CHECKS),
      "patients: surg.patients.countDocuments({name: 'Meyer'}) >= 1\n",
    );
    await refuse(
      { DRILL_CHECKS: CHECKS },
      2,
      /line 1 of .*checks\.txt has a filter that is not an Extended JSON(?![^]*Meyer)/,
    );
    await refuse({ DRILL_CHECKS: "absent.txt" }, 2, /DRILL_CHECKS .*absent\.txt\) cannot be read/);
    await refuse(
      { MONGOD_BINARY: place.at("nowhere") },
      1,
      /no mongod \S+ or newer found.*nowhere does not exist/,
    );
    await writeFile(place.at("old-mongod"), "#!/bin/sh\necho 'db version v5.0.1'\n", {
      mode: 0o755,
    });
    const old = { MONGOD_BINARY: place.at("old-mongod") };
    await refuse(old, 1, /no mongod \d+\.\d+ or newer found.*older MongoDB 5\.0\.1(?![^]*step)/);
    const told = (await place.run(["doctor", "--json"])).json().checks;
    const check = told.find((one: { name: string }) => one.name === "drill");
    assert.equal(check.state, "warn");
    assert.match(check.hint, /MONGOD_BINARY.*DRILL_MONGODB_URI/);
    await refuse({ DRILL_MONGODB_URI: fresh.uri }, 2, /the server of DRILL_MONGODB_URI is in use/);
    assert.ok((await fresh.db.collection("patients").countDocuments()) > 0);
    assert.deepEqual(await readdir(tmp), []);
    assert.deepEqual(await place.backupNames().then((names) => names.includes("drills")), false);
  },
);

requires(NEEDS, "Ctrl-C in the middle leaves no server and no folder", async (t, fresh) => {
  const { place, tmp } = await prepare(t, fresh, { DRILL_CHECKS: CHECKS });
  const body = '{"body": "function() { sleep(3600000); return true; }", "args": [], "lang": "js"}';
  const filter = `{"$expr": {"$function": ${body}}}`;
  await writeFile(place.at(CHECKS), `slow: ${fresh.name}.patients.countDocuments(${filter}) > 0\n`);
  const running = place.start(["drill"], { env: { TMPDIR: tmp } });
  await running.says(/ checks$/m);
  const [folder = ""] = (await readdir(tmp)).filter((name) => name.startsWith("mongokeep-mongod-"));
  assert.ok((await programsWith(folder)).length > 0);
  running.kill("SIGINT");
  const { code, stderr } = await running.result;
  assert.equal(code, 130, stderr);
  assert.deepEqual(await programsWith(folder), []);
  assert.deepEqual(await readdir(tmp), []);
});

/** Command lines of running programs that name the text. */
async function programsWith(text: string): Promise<string[]> {
  assert.notEqual(text, "");
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return lines.filter((line) => line.includes(text) && !line.includes("watchdog"));
}

requires(NEEDS, "a drill on a server of one's own leaves it as it was", async (t, fresh) => {
  const { place, drill } = await prepare(t, fresh);
  await fresh.db
    .collection("sessions")
    .createIndexes([{ key: { at: 1 }, name: "at_1", expireAfterSeconds: 3600 }]);
  await fresh.db.collection("sessions").insertOne({ at: new Date(0) });
  await place.run(["backup", "--manual"]);
  await using server = await startMongod({ binary: (await mongod()).path, topology: "replicaSet" });
  await place.writeEnv({ MONGODB_URI: fresh.uri, DRILL_MONGODB_URI: server.uri });
  const run = await drill("verify", "--level", "drill", "--json");
  assert.equal(run.code, 0, run.stderr + run.stdout);
  assert.deepEqual(run.json().warnings, []);
  const [drillId = ""] = await readdir(join(place.backupDir, "drills"));
  const report = JSON.parse(
    await readFile(join(place.backupDir, "drills", drillId, "report.json"), "utf8"),
  );
  assert.equal(report.server.kind, "DRILL_MONGODB_URI");
  assert.ok(report.collections.every((one: Json) => one.equal && one.indexes === "equal"));
  await using client = new MongoClient(server.uri);
  const { databases } = await client.db("admin").admin().listDatabases();
  assert.deepEqual(
    databases
      .map(({ name }) => name)
      .filter((name) => !["admin", "config", "local"].includes(name)),
    [],
  );
  const parameter = await client.db("admin").command({ getParameter: 1, ttlMonitorEnabled: 1 });
  assert.equal(parameter.ttlMonitorEnabled, true);
});

test("a dump whose own documents break its unique index fails its drill, and no value is told", async (t) => {
  const env = { MONGODB_URI: "mongodb://127.0.0.1:1/surg", MONGOD_BINARY: (await mongod()).path };
  const place = await workspace(t, env);
  await mkdir(place.at("dump", "surg"), { recursive: true });
  const documents = [1, 2].map((_id) => BSON.serialize({ _id, mrn: "MRN-000007" }));
  await writeFile(place.at("dump", "surg", "patients.bson"), Buffer.concat(documents));
  const indexes = [
    { v: 2, key: { _id: 1 }, name: "_id_" },
    { v: 2, key: { mrn: 1 }, name: "mrn_1", unique: true },
  ];
  const metadata = {
    options: {},
    indexes,
    uuid: "0123456789abcdef0123456789abcdef",
    collectionName: "patients",
    type: "collection",
  };
  await writeFile(place.at("dump", "surg", "patients.metadata.json"), JSON.stringify(metadata));
  const run = await place.run(["drill", place.at("dump"), "--json"]);
  assert.equal(run.code, 3, run.stderr + run.stdout);
  const { ok, backup, problems, collections, report } = run.json();
  assert.deepEqual([ok, backup, collections], [false, place.at("dump"), []]);
  assert.match(problems[0].problem, /patients.*(?:11000|duplicate|unique)/i);
  const page = await readFile(report, "utf8");
  assert.match(page, /Failed: the backup could not be restored/);
  assert.ok(![page, run.stdout, run.stderr].some((text) => text.includes("MRN-000007")));
});

test("a whole deployment drills with its users and roles, on a server that asks for a login", async (t) => {
  const { path } = await mongod();
  const auth = { user: "root", password: "Sekret-root" };
  await using server = await startMongod({ binary: path, topology: "standalone", auth });
  await using client = new MongoClient(server.uri);
  await client
    .db("surg")
    .collection<Json>("patients")
    .insertMany([{ _id: 1 }, { _id: 2 }]);
  await client.db("billing").createCollection("empty <b>&</b>", { validator: { $expr: true } });
  await client.db("admin").collection("notes").insertOne({ a: 1 });
  await client.db("surg").command({ createRole: "reader", privileges: [], roles: ["read"] });
  await client.db("surg").command({ createUser: "anna", pwd: "x", roles: ["reader"] });
  const place = await workspace(t, { MONGODB_URI: server.uri, MONGOD_BINARY: path });
  await place.run(["backup", "--manual"]);
  const run = await place.run(["drill", "--json"]);
  assert.equal(run.code, 0, run.stderr + run.stdout);
  const { collections, report } = run.json();
  const names = collections.map((one: Json) => one.namespace);
  assert.deepEqual(names, ["admin.notes", "billing.empty <b>&</b>", "surg.patients"]);
  const folder = join(report, "..");
  assert.equal(
    JSON.parse(await readFile(join(folder, "report.json"), "utf8")).accounts,
    "restored",
  );
  const page = await readFile(report, "utf8");
  assert.ok(page.includes("billing.empty &lt;b&gt;&amp;&lt;/b&gt;"));
  assert.ok(!page.includes("Sekret") && !run.stderr.includes("Sekret"));
});

test("--at and --systemd go with --schedule, and a schedule names no backup", async (t) => {
  const place = await workspace(t, { MONGODB_URI: "mongodb://127.0.0.1:1/surg" });
  for (const args of [["--at", "0 4 1 * *"], ["--systemd"], ["latest", "--schedule"]]) {
    const run = await place.run(["drill", ...args]);
    assert.equal(run.code, 2, run.stderr);
  }
});
