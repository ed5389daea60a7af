// The service that writes while a restore runs: stopped whatever its health, and its commands are told to nobody.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { workspace } from "../support/workspace.ts";
import type { EnvValues, Workspace } from "../support/workspace.ts";

const RS = { topology: "replicaSet" } as const;

const rows = (n: number, v: string) =>
  Array.from({ length: n }, (_, i) => ({ _id: i as never, v, fill: "x".repeat(200) }));

/** A backup of `a`, which is "old" in it and "new" since. */
async function changedSince(place: Workspace, fresh: FreshDatabase): Promise<void> {
  await place.writeEnv({ MONGODB_URI: fresh.uri });
  await fresh.db.collection("a").insertMany(rows(500, "old"));
  const backup = await place.run(["backup", "--json", "--manual"]);
  assert.equal(backup.code, 0, backup.stderr);
  await fresh.db.collection("a").updateMany({}, { $set: { v: "new" } });
}

/** A service that writes all the time, and stops when it is told to: it is the test itself. */
function writer(place: Workspace, fresh: FreshDatabase) {
  const [told, gone, up] = [place.at("told"), place.at("gone"), place.at("up")];
  for (const path of [told, gone]) execFileSync("mkfifo", [path]);
  const ending = new AbortController();
  let acknowledged = 0;
  const writing = (async () => {
    while (!ending.signal.aborted) {
      await fresh.db
        .collection("a")
        .insertOne({ written: acknowledged }, { writeConcern: { w: "majority" } });
      acknowledged++;
      await sleep(2);
    }
    return acknowledged;
  })();
  const end = async () => {
    ending.abort();
    return await writing;
  };
  return {
    env: {
      SERVICE_STOP: `echo stop > '${told}'; cat '${gone}'`,
      SERVICE_START: `touch '${up}'`,
      // It is ill until it is started anew.
      SERVICE_CHECK: `[ -e '${up}' ]`,
    } satisfies EnvValues,
    /** How many writes it had acknowledged when it was stopped. */
    stopped: async () => {
      await readFile(told);
      const count = await end();
      await writeFile(gone, "\n");
      return count;
    },
    end,
  };
}

for (const flags of [[], ["--in-place"]])
  requires(
    RS,
    `a service whose check fails is stopped all the same, and no write of it is lost (${flags[0] ?? "staged"})`,
    async (t, fresh) => {
      const place = await workspace(t);
      await changedSince(place, fresh);
      const service = writer(place, fresh);
      await place.writeEnv({ MONGODB_URI: fresh.uri, ...service.env });
      const running = place.start(["restore", "latest", "--confirm", "--json", ...flags]);
      const stopped = service.stopped();
      await Promise.race([stopped, running.result]);
      const run = await running.result;
      const written = await service.end();
      assert.equal(run.code, 0, run.stdout + run.stderr);
      assert.equal(typeof run.json().serviceDownSeconds, "number", "it was not stopped");
      assert.equal(await stopped, written);
      const a = fresh.db.collection("a");
      assert.equal(await a.countDocuments({ written: { $exists: true } }), 0);
      // It works by now, but no writer is there any more to be stopped.
      await place.writeEnv({ MONGODB_URI: fresh.uri });
      const back = await place.run(["rollback", "--confirm", "--json"]);
      assert.equal(back.code, 0, back.stdout + back.stderr);
      assert.equal(await a.countDocuments({ written: { $exists: true } }), written);
    },
  );

requires(
  RS,
  "a service that is known to be stopped is neither stopped nor started, and one that comes back is told",
  async (t, fresh) => {
    const place = await workspace(t);
    await changedSince(place, fresh);
    const log = place.at("service.log");
    const service = {
      SERVICE_STOP: `echo stop >> '${log}'`,
      SERVICE_START: `echo start >> '${log}'`,
    };
    await place.writeEnv({ MONGODB_URI: fresh.uri, ...service, SERVICE_STATUS: "exit 3" });
    const asleep = await place.run(["restore", "latest", "--confirm", "--json"]);
    assert.equal(asleep.code, 0, asleep.stdout + asleep.stderr);
    assert.equal(asleep.json().serviceDownSeconds, null);
    const doctor = await place.run(["doctor"]);
    assert.match(doctor.stdout, /does not run now: a restore does not start it/);
    // Stopped right after its stop; whoever asks later is told that it runs.
    const asked = place.at("asked");
    const status = `[ -e '${log}' ] && [ ! -e '${asked}' ] && { touch '${asked}'; exit 3; }; exit 0`;
    await place.writeEnv({ MONGODB_URI: fresh.uri, ...service, SERVICE_STATUS: status });
    const back = await place.run(["rollback", "--confirm", "--json"]);
    assert.equal(back.code, 0, back.stdout + back.stderr);
    assert.equal(await readFile(log, "utf8"), "stop\nstart\n");
    assert.match(back.json().warnings.join("\n"), /something started the service \(SERVICE_STOP\)/);
  },
);

const CANARY = "kept5ecretCanary";
const secret = (what: string) => `${what.toLowerCase()}-${CANARY}`;

/** All that the commands said, and all that lies in BACKUP_DIR but documents. */
async function everythingSaid(place: Workspace, said: readonly string[]): Promise<string> {
  const files = await readdir(place.backupDir, { recursive: true, withFileTypes: true });
  const texts = files
    .filter((file) => file.isFile() && !file.name.includes(".bson"))
    .map((file) => readFile(join(file.parentPath, file.name), "latin1"));
  return [...said, ...(await Promise.all(texts))].join("\n");
}

requires(
  RS,
  "no secret of a command or an address is in what any command says or writes down",
  async (t, fresh) => {
    const place = await workspace(t);
    await fresh.db.createCollection("ts", { timeseries: { timeField: "t" } });
    await fresh.db.collection("ts").insertOne({ t: new Date(0) });
    await changedSince(place, fresh);
    const ends = { STOP: "exit 0", START: "exit 1", CHECK: "exit 1", STATUS: "exit 5" };
    const commands = Object.entries(ends).map(([name, end]) => {
      const word = secret(name);
      // What a program says of its own arguments is not in our hands, but is cut out all the same.
      return [`SERVICE_${name}`, `API_KEY=${word}; echo "cannot use ${word}" >&2; ${end}`] as const;
    });
    const env: EnvValues = {
      MONGODB_URI: fresh.uri,
      ...Object.fromEntries(commands),
      ALERT_COMMAND: `echo "no ${secret("alert")}" >&2; exit 1`,
      ALERT_WEBHOOK_URL: `http://127.0.0.1:9/hooks/${secret("hook")}`,
      ALERT_PING_URL: `http://127.0.0.1:9/ping/${secret("ping")}`,
      DRILL_MONGODB_URI: `mongodb://u:${secret("drill")}@127.0.0.1:9/?serverSelectionTimeoutMS=100`,
    };
    await place.writeEnv(env);
    const said: string[] = [];
    const run = async (code: number | null, ...args: string[]) => {
      const { stdout, stderr, ...ended } = await place.run(args);
      said.push(stdout, stderr);
      if (code !== null) assert.equal(ended.code, code, stdout + stderr);
      return stdout + stderr;
    };
    await run(0, "backup", "--verbose");
    await run(null, "doctor", "--verbose");
    await run(null, "drill", "--json", "--verbose");
    const plan = await run(0, "restore", "latest", "--json");
    assert.match(plan, /"stopsService":"SERVICE_STOP"/);
    await run(7, "restore", "latest", "--confirm", "--verbose", "--only", `${fresh.name}.a`);
    const broken = await run(
      8,
      "restore",
      "latest",
      "--skip-pre-backup",
      "--confirm",
      "--json",
      "--verbose",
    );
    assert.ok(broken.includes(`the command of SERVICE_START in ${place.at(".env")}`), broken);
    await run(null, "status", "--json");
    await run(null, "schedule", "status");
    await place.writeEnv({ ...env, SERVICE_STOP: `echo ${secret("stop")} >&2; exit 1` });
    await run(1, "restore", "latest", "--confirm", "--in-place", "--verbose");
    // Where a value is malformed, and where it stands twice.
    await writeFile(place.at(".env"), `SERVICE_STOP="${secret("stop")} \${X}"\n`);
    await run(2, "list");
    await writeFile(place.at(".env"), `SERVICE_STOP=${secret("stop")}\nSERVICE_STOP=x\n`);
    await run(2, "list");
    const all = await everythingSaid(place, said);
    const at = all.indexOf(CANARY);
    assert.equal(at, -1, all.slice(Math.max(0, at - 200), at + 100));
  },
);
