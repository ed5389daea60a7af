import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  writeFile,
} from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { staysOpenIn } from "../../tests/support/open-files.ts";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import { KeepError } from "../errors.ts";
import type { KeepEvent } from "../events.ts";
import { manualClock, systemClock } from "../util/clock.ts";
import { watchLeases } from "./lease.ts";
import type { LeaseWatch } from "./lease.ts";
import { acquireLock, readLock } from "./lock.ts";
import type { LockRequest } from "./lock.ts";
import { describeSelf, proofOfDeath, readHolder } from "./lock-holder.ts";
import type { Holder } from "./lock-holder.ts";

const request = (changes: Partial<LockRequest> = {}): LockRequest => ({
  command: "backup",
  waitMs: 0,
  signal: new AbortController().signal,
  emit: () => undefined,
  clock: systemClock,
  ...changes,
});

/** As `status` judges it: who cannot tell takes it for held. */
const isLockHeld = async (root: string) => {
  const lock = await readLock(root);
  return lock !== null && lock.alive !== false;
};

const isLocked = (error: unknown) => error instanceof KeepError && error.code === "locked";

/** Takes the lock, says so, holds it until it is killed. */
const HOLD = `
  const [lock, clock] = [await import(process.argv[1]), await import(process.argv[2])];
  await lock.acquireLock(process.argv[3], {
    command: "restore", waitMs: 0, signal: new AbortController().signal,
    emit: () => {}, clock: clock.systemClock,
  });
  console.log("held");
  setInterval(() => {}, 1000);
`;
/** Takes the lock as often as it is told; at each time the folder must be this process's alone. */
const CONTEND = `
  import { open, rm } from "node:fs/promises";
  const [lock, clock] = [await import(process.argv[1]), await import(process.argv[2])];
  const inside = process.argv[3] + "/inside";
  for (let n = 0; n < Number(process.argv[4]); n++) {
    await using held = await lock.acquireLock(process.argv[3], {
      command: "backup", waitMs: 60_000, signal: new AbortController().signal,
      emit: (event) => { if (event.code === "lock-taken-over") console.log("taken over"); },
      clock: clock.systemClock,
    });
    await (await open(inside, "wx")).close();
    await new Promise((resolve) => setTimeout(resolve, 2));
    await rm(inside);
  }
`;

function start(t: TestContext, script: string, ...args: string[]): ChildProcess {
  const modules = ["lock.ts", "../util/clock.ts"].map((m) => resolve(import.meta.dirname, m));
  const argv = ["--input-type=module", "-e", script, ...modules, ...args];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

async function leaveDeadLock(t: TestContext, root: string): Promise<number> {
  const child = start(t, HOLD, root);
  assert.ok(child.stdout);
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
  return child.pid ?? 0;
}

async function writeLock(root: string, changes: Partial<Holder>): Promise<Holder> {
  const holder = { ...(await describeSelf("restore", manualClock(0))), ...changes };
  await writeFile(join(root, ".lock"), JSON.stringify(holder));
  return holder;
}

test("a second run is turned away and told who holds the lock", async (t) => {
  const root = await temporaryFolder(t);
  const clock = manualClock(Date.parse("2026-11-23T02:00:00Z"));
  const first = await acquireLock(root, request({ clock }));
  assert.equal(await isLockHeld(root), true);
  await assert.rejects(acquireLock(root, request()), (error) => {
    assert.ok(isLocked(error));
    const { message, exitCode, details } = error as KeepError;
    assert.equal(exitCode, 4);
    assert.match(message, /mongokeep backup \(pid \d+ on .+, since 2026-11-23T02:00:00\.000Z\)/);
    assert.equal(details.pid, process.pid);
    return true;
  });
  await first[Symbol.asyncDispose]();
  assert.deepEqual(await readdir(root), []);
  assert.equal(await isLockHeld(root), false);
});

test("a waiting run goes on when the other one ends, and says once that it waits", async (t) => {
  const root = await temporaryFolder(t);
  const first = await acquireLock(root, request());
  const events: KeepEvent[] = [];
  const told = new AbortController();
  const emit = (event: KeepEvent) => {
    events.push(event);
    told.abort();
  };
  const second = acquireLock(root, request({ waitMs: 60_000, emit }));
  await once(told.signal, "abort");
  await first[Symbol.asyncDispose]();
  await (await second)[Symbol.asyncDispose]();
  assert.deepEqual(
    events.map((e) => e.kind === "log" && e.code),
    ["lock-wait"],
  );
});

test("a waiting run stops when it is interrupted, with that reason", async (t) => {
  const root = await temporaryFolder(t);
  await using _first = await acquireLock(root, request());
  const stop = new AbortController();
  const reason = new KeepError("interrupted", "interrupted");
  const emit = () => {
    stop.abort(reason);
  };
  const second = acquireLock(root, request({ waitMs: 60_000, signal: stop.signal, emit }));
  await assert.rejects(second, reason);
});

test("the lock of a killed run is taken over, and said", async (t) => {
  const root = await temporaryFolder(t);
  const pid = await leaveDeadLock(t, root);
  assert.equal(await isLockHeld(root), false);
  const events: KeepEvent[] = [];
  const lock = await acquireLock(root, request({ emit: (event) => events.push(event) }));
  assert.equal(events.length, 1);
  const [event] = events;
  assert.ok(event?.kind === "log");
  assert.deepEqual([event.level, event.code], ["warn", "lock-taken-over"]);
  assert.match(event.message, new RegExp(`mongokeep restore \\(pid ${pid} on .*is gone`));
  assert.deepEqual(await readdir(root), [".lock"]);
  await lock[Symbol.asyncDispose]();
});

test("a pid that another process got since, and a machine started anew, are proof", async (t) => {
  const root = await temporaryFolder(t);
  for (const changes of [{ startTime: "1" }, { bootId: "another" }]) {
    await writeLock(root, changes);
    const lock = await acquireLock(root, request());
    await lock[Symbol.asyncDispose]();
  }
});

test("without proof no lock is taken over", async (t) => {
  const root = await temporaryFolder(t);
  const gone = await leaveDeadLock(t, await temporaryFolder(t));
  const doubtful: Partial<Holder>[] = [
    {},
    { host: "another", pid: gone },
    { host: "another", bootId: "another" },
    { pidNamespace: "pid:[1]", pid: gone },
    { startTime: null },
  ];
  for (const changes of doubtful) {
    await writeLock(root, changes);
    await assert.rejects(acquireLock(root, request()), isLocked);
    assert.equal(await isLockHeld(root), true);
  }
});

/** A clock that runs ten seconds at each look. */
function fastWatch() {
  let now = 0;
  return watchLeases(() => (now += 10_000));
}

/** Locks whose process numbers, boots or host names mean nothing here. */
const elsewhere: readonly Partial<Holder>[] = [
  { host: "c0ffee01" },
  { bootId: "another" },
  { pidNamespace: "pid:[1]" },
  { bootId: null },
];

test("a lock of another machine or container that shows no sign of life is taken over, and said", async (t) => {
  const root = await temporaryFolder(t);
  for (const changes of elsewhere) {
    await writeLock(root, { ...changes, renewals: "000000000007" });
    const told: string[] = [];
    const emit = (event: KeepEvent) => {
      if (event.kind === "log") told.push(`${event.code ?? ""}: ${event.message}`);
    };
    assert.equal(await isLockHeld(root), true);
    const lock = await acquireLock(root, request({ watch: fastWatch(), emit }));
    assert.match(
      told.join("\n"),
      /^lock-wait: .*60 s.*\nlock-taken-over: .*showed no sign of life for 60 s$/,
    );
    await lock.assertHeld();
    await lock[Symbol.asyncDispose]();
    assert.deepEqual(await readdir(root), []);
  }
});

test("a lock of another machine or container that is renewed is left alone, whatever its host and boot are", async (t) => {
  const root = await temporaryFolder(t);
  for (const changes of elsewhere) {
    const held = await writeLock(root, { ...changes, renewals: "000000000007" });
    let looks = 0;
    const real = fastWatch();
    const watch: LeaseWatch = {
      sawLife: () => real.sawLife(),
      // Renewed between the third and the fourth look.
      judge: (holder) =>
        real.judge({ ...holder, renewals: ++looks > 3 ? "000000000008" : "000000000007" }),
    };
    await assert.rejects(acquireLock(root, request({ watch })), isLocked);
    const text = await readFile(join(root, ".lock"), "utf8");
    assert.equal((JSON.parse(text) as Holder).token, held.token);
    await rm(join(root, ".lock"));
  }
});

test("a claim to a dead lock that was left by a dead container does not stand in the way", async (t) => {
  const root = await temporaryFolder(t);
  const dead = await writeLock(root, { host: "c0ffee01", renewals: "000000000007" });
  const claim = { ...dead, host: "c0ffee02", token: "0".repeat(16) };
  await writeFile(join(root, `.lock.${dead.token}`), JSON.stringify(claim));
  const lock = await acquireLock(root, request({ watch: fastWatch() }));
  assert.deepEqual(await readdir(root), [".lock"]);
  await lock[Symbol.asyncDispose]();
});

test("a holder whose lock another run took notices before its next act, and leaves that lock alone", async (t) => {
  const root = await temporaryFolder(t);
  const lock = await acquireLock(root, request());
  await lock.assertHeld();
  await rm(join(root, ".lock"));
  const other = await writeLock(root, { host: "c0ffee02" });
  const isLost = (error: unknown) => error instanceof KeepError && error.code === "lock-lost" && error.exitCode === 4; // prettier-ignore
  await assert.rejects(lock.assertHeld(), isLost);
  assert.equal(lock.lost.aborted, true);
  assert.ok(isLost(lock.lost.reason));
  await lock[Symbol.asyncDispose]();
  assert.equal(await readFile(join(root, ".lock"), "utf8"), JSON.stringify(other));
});

test("a renewal changes nothing of a lock but its counter, and never another run's", async (t) => {
  const root = await temporaryFolder(t);
  const path = join(root, ".lock");
  t.mock.timers.enable({ apis: ["setInterval"] });
  const lock = await acquireLock(root, request());
  const read = async () => JSON.parse(await readFile(path, "utf8")) as Holder;
  const first = await read();
  for (const renewals of ["000000000001", "000000000002"]) {
    t.mock.timers.tick(10_000);
    while ((await read()).renewals !== renewals) await sleep(5);
    assert.deepEqual(await read(), { ...first, renewals });
  }
  await rm(path);
  const other = await writeLock(root, { host: "c0ffee02", renewals: "000000000000" });
  t.mock.timers.tick(10_000);
  await once(lock.lost, "abort");
  assert.equal(await readFile(path, "utf8"), JSON.stringify(other));
  await lock[Symbol.asyncDispose]();
});

test("a lock that says nothing is left alone, with what to do", async (t) => {
  const root = await temporaryFolder(t);
  for (const text of ["", "{}", "nonsense"]) {
    await writeFile(join(root, ".lock"), text);
    await assert.rejects(acquireLock(root, request()), (error) => {
      assert.ok(isLocked(error));
      return (error as KeepError).hint.includes(join(root, ".lock"));
    });
  }
});

test("a run removes its own lock only", async (t) => {
  const root = await temporaryFolder(t);
  const lock = await acquireLock(root, request());
  const other = await writeLock(root, {});
  await lock[Symbol.asyncDispose]();
  assert.equal(await readFile(join(root, ".lock"), "utf8"), JSON.stringify(other));
});

test("of many that find a dead lock at once, one at a time holds it, and one takes it over", async (t) => {
  const root = await temporaryFolder(t);
  await leaveDeadLock(t, root);
  const children = Array.from({ length: 4 }, () => start(t, CONTEND, root, "10"));
  let said = "";
  for (const child of children)
    child.stdout?.on("data", (text: Buffer) => {
      said += text.toString();
    });
  const codes = await Promise.all(
    children.map(async (child) => {
      const [code] = (await once(child, "close")) as [number | null];
      return code;
    }),
  );
  assert.deepEqual(codes, [0, 0, 0, 0]);
  assert.equal(said, "taken over\n");
  assert.deepEqual(await readdir(root), []);
});

test("a run that died while it took a dead lock over does not stand in the way", async (t) => {
  const root = await temporaryFolder(t);
  await leaveDeadLock(t, root);
  const text = await readFile(join(root, ".lock"), "utf8");
  const { token, ...dead } = JSON.parse(text) as Holder;
  const claim = `.lock.${token}`;
  await writeFile(join(root, claim), JSON.stringify({ ...dead, token: "0".repeat(16) }));
  await writeFile(join(root, ".lock.new-1"), text);
  const lock = await acquireLock(root, request());
  assert.deepEqual(await readdir(root), [".lock"]);
  await lock[Symbol.asyncDispose]();
});

test("a lock that the disk does not let go of is told, and fails nothing that was done under it", async (t) => {
  const root = join(await temporaryFolder(t), "backups");
  await mkdir(root);
  const told: string[] = [];
  const emit = (event: KeepEvent) => {
    if (event.kind === "log") told.push(event.code ?? "");
  };
  const lock = await acquireLock(root, request({ emit }));
  await rename(root, `${root}.gone`);
  await writeFile(root, "no folder any more");
  await lock[Symbol.asyncDispose]();
  assert.deepEqual(told, ["lock-left"]);
});

test("what a holder says of itself is true, and its token is its own", async () => {
  const [self, again] = [await describeSelf("backup", manualClock(0)), await describeSelf("backup", manualClock(0))]; // prettier-ignore
  const boot = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  const stat = (await readFile("/proc/self/stat", "utf8")).replace(/^.*\) /s, "").split(" ");
  const { token, ...facts } = self;
  assert.deepEqual(facts, {
    host: hostname(),
    bootId: boot,
    pidNamespace: await readlink("/proc/self/ns/pid"),
    pid: process.pid,
    startTime: stat[19],
    command: "backup",
    since: "1970-01-01T00:00:00.000Z",
  });
  assert.match(token, /^[0-9a-f]{16}$/);
  assert.notEqual(token, again.token);
});

test("a process that has ended and is not fetched yet is dead; one whose name is odd lives", async (t) => {
  // The child ends when its input does, which is after its parent has become another program.
  const script = "exec 3<&0; cat <&3 >/dev/null & echo $!; exec sleep 60 3<&-";
  const parent = spawn("sh", ["-c", script], { stdio: ["pipe", "pipe", "ignore"] });
  t.after(() => parent.kill("SIGKILL"));
  const [said] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(said.toString());
  // A shell would fetch its child; what it becomes does not.
  while ((await readFile(`/proc/${parent.pid}/comm`, "utf8")) !== "sleep\n") await sleep(5);
  parent.stdin.end();
  const fieldsOf = async () => (await readFile(`/proc/${pid}/stat`, "utf8")).replace(/^.*\) /s, "").split(" "); // prettier-ignore
  while ((await fieldsOf())[0] !== "Z") await sleep(5);
  const self = await describeSelf("backup", systemClock);
  const startTime = (await fieldsOf())[19] ?? "";
  assert.equal(await proofOfDeath({ ...self, pid, startTime }), "has ended");

  const folder = await temporaryFolder(t);
  const odd = join(folder, ") Z 1 (");
  await copyFile("/bin/sleep", odd);
  await chmod(odd, 0o700);
  const child = spawn(odd, ["60"]);
  t.after(() => child.kill("SIGKILL"));
  await once(child, "spawn");
  const text = () => readFile(`/proc/${child.pid}/stat`, "utf8");
  while (!(await text()).includes("(") || !(await text()).includes(") Z 1")) await sleep(5);
  const started = (await text()).replace(/^.*\) /s, "").split(" ")[19] ?? "";
  const living = { ...self, pid: child.pid ?? 0, startTime: started };
  assert.equal(await proofOfDeath(living), null);
  assert.match(
    (await proofOfDeath({ ...living, startTime: "1" })) ?? "",
    /its number is another one's/,
  );
});

test("a lock of a machine that does not tell its boot is judged by its process", async (t) => {
  const self = await describeSelf("backup", systemClock);
  const gone = await leaveDeadLock(t, await temporaryFolder(t));
  assert.equal(await proofOfDeath({ ...self, bootId: null }), null);
  assert.equal(await proofOfDeath({ ...self, bootId: null, pid: gone }), "is gone");
  assert.match((await proofOfDeath({ ...self, bootId: "x" })) ?? "", /the machine went down/);
  // Of another user, who may not be asked more than that it is there.
  assert.equal(await proofOfDeath({ ...self, pid: 1, startTime: null }), null);
});

test("a lock whose fields are of another kind says nothing, and no file stays open", async (t) => {
  const root = await temporaryFolder(t);
  const path = join(root, ".lock");
  const self = await describeSelf("backup", systemClock);
  assert.equal(await readHolder(path), "free");
  for (const changes of [
    { token: "0".repeat(17) },
    { token: `x${self.token}` },
    { pid: 0 },
    { host: 1 },
  ]) {
    await writeFile(path, JSON.stringify({ ...self, ...changes }));
    assert.equal(await readHolder(path), "unknown", JSON.stringify(changes));
  }
  await writeFile(path, JSON.stringify(self));
  assert.deepEqual(await readHolder(path), { by: self });
  await rm(path);
  await mkdir(path);
  assert.equal(await readHolder(path), "unknown");
  assert.deepEqual(await staysOpenIn(root), []);
});

test("a lock that can no longer be read when it is to be let go is told, and left", async (t) => {
  const root = await temporaryFolder(t);
  const told: string[] = [];
  const emit = (event: KeepEvent) => {
    if (event.kind === "log") told.push(event.message);
  };
  const lock = await acquireLock(root, request({ emit }));
  await writeFile(join(root, ".lock"), "nonsense");
  await lock[Symbol.asyncDispose]();
  assert.equal(told.length, 1);
  assert.match(told[0] ?? "", /could not be taken away \(it cannot be read\)/);
  assert.equal(await isLockHeld(root), true, "who cannot tell takes it for held");
});

test("what cannot be locked fails as what it is, at once, and leaves nothing", async (t) => {
  const root = await temporaryFolder(t);
  await assert.rejects(acquireLock(join(root, "none"), request({ waitMs: 60_000 })), {
    code: "ENOENT",
  });
  const reason = new Error("stop");
  await assert.rejects(acquireLock(root, request({ signal: AbortSignal.abort(reason) })), reason);
  assert.deepEqual(await readdir(root), []);
});

test("a run that waits in vain is turned away when its time is over, told once, and named", async (t) => {
  const root = await temporaryFolder(t);
  const held = await writeLock(root, {});
  const told: string[] = [];
  const emit = (event: KeepEvent) => {
    if (event.kind === "log") told.push(event.message);
  };
  const begun = performance.now();
  await assert.rejects(acquireLock(root, request({ waitMs: 700, emit })), (error) => {
    assert.ok(isLocked(error));
    const { command, pid, host, since } = held;
    assert.deepEqual((error as KeepError).details, { command, pid, host, since });
    return true;
  });
  assert.ok(performance.now() - begun >= 700);
  assert.deepEqual(told, [`waiting for mongokeep restore (pid ${held.pid} on ${held.host}, since ${held.since})`]); // prettier-ignore
  await writeFile(join(root, ".lock"), "nonsense");
  await assert.rejects(acquireLock(root, request()), (error) => {
    assert.deepEqual((error as KeepError).details, {});
    return (error as KeepError).message.includes("a run that does not say which it is");
  });
  assert.deepEqual(await readdir(root), [".lock"]);
});

test("what lies beside the lock is cleared only where it is a dead run's", async (t) => {
  const root = await temporaryFolder(t);
  const pid = await leaveDeadLock(t, await temporaryFolder(t));
  const self = await describeSelf("backup", systemClock);
  const put = (name: string, holder: object) => writeFile(join(root, name), JSON.stringify(holder));
  await put(".lock.new-dead", { ...self, pid, startTime: "1" });
  await put(".lock.new-living", self);
  await put("dead.lock.new-dead", { ...self, pid, startTime: "1" });
  await writeFile(join(root, ".lock.odd"), "a note of somebody");
  const lock = await acquireLock(root, request());
  await lock[Symbol.asyncDispose]();
  assert.deepEqual((await readdir(root)).sort(), [".lock.new-living", ".lock.odd", "dead.lock.new-dead"]); // prettier-ignore
});
