// What is printed never decides what is done: the same work and the same exit code with a full disk under the log, a
// closed pipe, and a pipe whose reader stopped reading.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import { open, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { createStandardStream } from "../../src/cli/standard-stream.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import { atEnd } from "../support/temporary.ts";
import type { Cleanup } from "../support/temporary.ts";
import { cleanEnvironment } from "../support/cli.ts";
import type { CliResult } from "../support/cli.ts";
import { workspace } from "../support/workspace.ts";
import type { Workspace } from "../support/workspace.ts";

const MAIN = resolve(import.meta.dirname, "../../src/cli/main.ts");
const NOBODY = "mongodb://127.0.0.1:9/surg?serverSelectionTimeoutMS=300";

type Stdio = "pipe" | "ignore" | number;

/** The exit code of a run with these as stdout and stderr. */
async function exitOf(
  place: Workspace,
  args: readonly string[],
  [stdout, stderr]: readonly [Stdio, Stdio],
): Promise<number | null> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: place.folder,
    env: cleanEnvironment(place),
    stdio: ["ignore", stdout, stderr],
  });
  // Closed pipes: nobody reads from the start.
  child.stdout?.destroy();
  child.stderr?.destroy();
  const [code] = (await once(child, "exit")) as [number | null];
  return code;
}

/** Like a log on a full disk: each write ends with ENOSPC. */
function fullDisk(t: Cleanup): number {
  const fd = openSync("/dev/full", "w");
  atEnd(t, () => {
    closeSync(fd);
    return Promise.resolve();
  });
  return fd;
}

/** A pipe that is full and that nobody reads. */
function hungPipe(t: Cleanup, place: Workspace): number {
  const path = place.at("pipe");
  execFileSync("mkfifo", [path]);
  const filling = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const some = Buffer.alloc(4096, "x");
  assert.throws(() => {
    for (;;) writeSync(filling, some);
  }, /EAGAIN/);
  // A blocking one, as a shell hands it out.
  const blocking = openSync(path, constants.O_RDWR);
  atEnd(t, () =>
    Promise.resolve(
      [filling, blocking].map((fd) => {
        closeSync(fd);
      }),
    ),
  );
  return blocking;
}

/** Tests run side by side: each has its own project, on a database of its own. */
async function hospital(t: Cleanup) {
  const { db, uri } = await freshDatabase(t);
  await db.collection<{ _id: number }>("patients").insertMany([{ _id: 1 }, { _id: 2 }]);
  const place = await workspace(t, { MONGODB_URI: uri });
  return {
    db,
    uri,
    place,
    good: async () => (await place.backupNames()).filter((n) => /^20[^.]*$/.test(n)),
  };
}

test("a full disk under the log, or a closed pipe, changes no exit code of any command", async (t) => {
  const { place, db, good } = await hospital(t);
  const full = fullDisk(t);
  const kinds: readonly (readonly [Stdio, Stdio])[] = [
    [full, full],
    ["pipe", "pipe"],
  ];
  const lines: readonly (readonly [number, ...string[]])[] = [
    [0, "backup", "--verbose"],
    [0, "verify", "--json"],
    [0, "restore", "latest"],
    [0, "restore", "latest", "--confirm"],
    [0, "rollback", "--confirm"],
    [0, "list"],
    [0, "--help"],
    [2, "backup", "--no-such-flag"],
    [2, "show", "2001-01-01_00-00-00"],
  ];
  for (const kind of kinds)
    for (const [expected, ...args] of lines) {
      assert.equal(await exitOf(place, args, kind), expected, args.join(" "));
    }
  assert.equal((await good()).length >= 2, true);
  assert.equal(await db.collection("patients").countDocuments(), 2);
});

test("with one of the two full the other one still gets its text, and says what was lost", async (t) => {
  const { place } = await hospital(t);
  const full = fullDisk(t);
  const file = await open(place.at("said"), "w");
  atEnd(t, () => file.close());
  assert.equal(await exitOf(place, ["backup", "--json"], [file.fd, full]), 0);
  const { id } = JSON.parse(await readFile(place.at("said"), "utf8")) as { id: string };
  assert.match(id, /^20/);
  const log = await open(place.at("log"), "w");
  atEnd(t, () => log.close());
  assert.equal(await exitOf(place, ["list"], [full, log.fd]), 0);
  assert.match(await readFile(place.at("log"), "utf8"), /WARN .*could not write to stdout: ENOSPC/);
});

test("a failure keeps its exit code and its alert where nothing can be printed", async (t) => {
  const place = await workspace(t);
  const alert = `echo "$MONGOKEEP_CODE" >> '${place.at("alerts")}'`;
  await place.writeEnv({ MONGODB_URI: NOBODY, ALERT_COMMAND: alert });
  const full = fullDisk(t);
  assert.equal(await exitOf(place, ["backup"], [full, full]), 6);
  assert.equal(await readFile(place.at("alerts"), "utf8"), "unreachable\n");
});

test("a log that reached its size limit (ulimit -f) ends no backup", async (t) => {
  const { place, good } = await hospital(t);
  // In blocks of 512 bytes: the log has reached it, the backup's own files here are smaller.
  const script = `ulimit -f 64; exec "$0" "$@" >> '${place.at("log")}' 2>&1`;
  const args = ["-c", script, process.execPath, MAIN, "backup", "--verbose"];
  await writeFile(place.at("log"), "x".repeat(64 * 512));
  const child = spawn("sh", args, {
    cwd: place.folder,
    env: { PATH: process.env.PATH, HOME: place.home },
    stdio: "ignore",
  });
  assert.deepEqual(await once(child, "exit"), [0, null]);
  assert.equal((await good()).length, 1);
});

test("documents that could not be written out are no success of extract", async (t) => {
  const { place } = await hospital(t);
  assert.equal((await place.run(["backup"])).code, 0);
  const args = [
    "extract",
    "latest",
    "--ns",
    `${databaseOf(await place.run(["list", "--json"]))}.patients`,
  ];
  assert.equal(await exitOf(place, args, [fullDisk(t), "ignore"]), 5);
  assert.equal(await exitOf(place, args, ["pipe", "ignore"]), 0, "as for `| head`");
});

const databaseOf = (run: CliResult): string => {
  const { backups } = run.json() as { backups: { path: string }[] };
  const [{ path } = { path: "" }] = backups;
  const { databases } = JSON.parse(readFileSync(join(path, "manifest.json"), "utf8")) as {
    databases: string[];
  };
  return databases[0] ?? "";
};

test("a reader that stopped reading holds up neither a restore nor its service", async (t) => {
  const { place, db, uri } = await hospital(t);
  assert.equal((await place.run(["backup"])).code, 0);
  await db.collection("patients").deleteMany({});
  const says = (what: string) => `echo ${what} >> '${place.at("service")}'`;
  await place.writeEnv({
    MONGODB_URI: uri,
    SERVICE_STOP: says("stop"),
    SERVICE_START: says("start"),
  });
  const hung = hungPipe(t, place);
  const code = await exitOf(place, ["restore", "latest", "--confirm", "--verbose"], [hung, hung]);
  assert.equal(code, 0);
  assert.equal(await db.collection("patients").countDocuments(), 2);
  assert.match(await readFile(place.at("service"), "utf8"), /^stop\nstart\n$/);
});

test("text that a slow reader has not taken waits, in order, and is bounded", async () => {
  const taken: string[] = [];
  let room = 5;
  const stream = createStandardStream((bytes) => {
    if (room === 0) throw Object.assign(new Error("full"), { code: "EAGAIN" });
    const part = bytes.subarray(0, room);
    room -= part.length;
    taken.push(part.toString());
    return part.length;
  });
  for (const text of ["abc", "def", "ghi"]) stream.write(text);
  assert.equal(taken.join(""), "abcde");
  assert.equal(await stream.flush(0), false);
  room = 100;
  assert.equal(await stream.flush(10_000), true);
  assert.equal(taken.join(""), "abcdefghi");
  room = 0;
  for (let n = 0; n < 20; n++) stream.write("x".repeat(1024 * 1024));
  room = Number.MAX_SAFE_INTEGER;
  await stream.flush(10_000);
  assert.ok(taken.join("").length < 12 * 1024 * 1024);
  assert.equal(stream.problem, null);
});
