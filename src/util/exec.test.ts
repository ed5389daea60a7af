import assert from "node:assert/strict";
import { access, readFile, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { withhold } from "./child-environment.ts";
import { describeEnd, execute } from "./exec.ts";
import { openSecretFile } from "./secret-file.ts";

const LIMIT = { timeoutMs: 20_000 };
const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
async function gone(pid: number): Promise<boolean> {
  for (let i = 0; i < 100 && isAlive(pid); i++) await delay(20);
  return !isAlive(pid);
}

test("a program gets its input by stdin, its arguments untouched, and its output comes back", async () => {
  const result = await execute(["sh", "-c", 'cat; printf "%s" "$1"', "sh", "a b'$(x)"], {
    ...LIMIT,
    stdin: "in:",
  });
  assert.deepEqual(result, {
    ok: true,
    end: { kind: "exit", code: 0 },
    stdout: "in:a b'$(x)",
    stderrTail: "",
  });
});

test("a failure is told by its exit code and the last lines of stderr", async () => {
  const result = await execute(["sh", "-c", "echo one >&2; echo two >&2; exit 3"], LIMIT);
  assert.equal(result.ok, false);
  assert.equal(describeEnd(result), "exited with 3: one | two");
});

test("stderr is cut to its tail and redacted", async () => {
  const script =
    'i=0; while [ $i -lt 2000 ]; do echo "line $i" >&2; i=$((i+1)); done; echo "at mongodb://u:hunter2@h" >&2';
  const { stderrTail } = await execute(["sh", "-c", script], LIMIT);
  assert.ok(stderrTail.length <= 4096);
  assert.ok(stderrTail.endsWith("line 1999\nat mongodb://***@h"), stderrTail.slice(-60));
});

test("programs are not given the secrets of our environment, commands that the user wrote are", async () => {
  const names = ["MONGOKEEP_TEST_URI", "MONGOKEEP_TEST_PLAIN"];
  process.env.MONGOKEEP_TEST_URI = "mongodb://u:hunter2@h";
  process.env.MONGOKEEP_TEST_PLAIN = "yes";
  withhold(["MONGOKEEP_TEST_URI"]);
  const argv = ["sh", "-c", "env"] as const;
  const given = async (more: object) => {
    const { stdout } = await execute([...argv], { ...LIMIT, ...more });
    return names.filter((name) => stdout.includes(`${name}=`));
  };
  assert.deepEqual(await given({}), ["MONGOKEEP_TEST_PLAIN"]);
  assert.deepEqual(await given({ ofTheUser: true }), names);
  assert.deepEqual(await given({ env: { MONGOKEEP_TEST_URI: "meant" } }), names);
  for (const name of names) Reflect.deleteProperty(process.env, name);
});

test("a program's files are private, and those of the user's own command keep the user's umask", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "mongokeep-test-"));
  t.after(() => rm(folder, { recursive: true }));
  const before = process.umask(0o022);
  t.after(() => process.umask(before));
  const made = async (name: string, more: object) => {
    await execute(["touch", join(folder, name)], { ...LIMIT, ...more });
    return ((await stat(join(folder, name))).mode & 0o777).toString(8);
  };
  assert.equal(await made("theirs", {}), "600");
  assert.equal(await made("users", { ofTheUser: true }), "644");
  assert.equal(process.umask(0o022), 0o022);
});

test("a program that is not installed is a result, not an exception", async () => {
  const result = await execute(["mongokeep-no-such-program"], LIMIT);
  assert.deepEqual(result.end, { kind: "not-started", reason: "ENOENT" });
  assert.equal(describeEnd(result), "is not installed");
});

test("a program that the system refuses to start is a result, with why", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "mongokeep-test-"));
  t.after(() => rm(folder, { recursive: true }));
  const notOurs = join(folder, "not-ours");
  await writeFile(notOurs, "#!/bin/sh\n", { mode: 0o600 });
  for (const [argv, words] of [
    [[notOurs], /may not be run by this user/],
    [["true", "x".repeat(3_000_000)], /too long/],
  ] as const) {
    const result = await execute(argv, LIMIT);
    assert.equal(result.end.kind, "not-started");
    assert.match(describeEnd(result), words);
  }
});

test("a program that ignores TERM is killed after the grace time, its children too", async () => {
  const script = "trap '' TERM; sleep 60 & echo $!; while :; do sleep 0.05; done";
  // Time enough for a shell to come to its loop, on a busy machine too.
  const result = await execute(["sh", "-c", script], { timeoutMs: 2_000, graceMs: 100 });
  assert.deepEqual(result.end, { kind: "timeout", afterMs: 2_000 });
  assert.ok(await gone(Number(result.stdout)), "the child of the child lives on");
});

test("an abort ends the program and rejects with the signal's reason", async () => {
  const stop = new AbortController();
  const folder = await mkdtemp(join(tmpdir(), "mk-exec-"));
  try {
    const running = execute(["sh", "-c", `echo $$ > pid; exec sleep 60`], {
      ...LIMIT,
      cwd: folder,
      signal: stop.signal,
    });
    const rejected = assert.rejects(running, /ctrl-c/);
    const pidFile = join(folder, "pid");
    let pid = 0;
    while (pid === 0) {
      await delay(10);
      pid = Number(await readFile(pidFile, "utf8").catch(() => "0"));
    }
    stop.abort(new Error("ctrl-c"));
    await rejected;
    assert.ok(!isAlive(pid));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("nothing is started once the signal has aborted", async () => {
  const signal = AbortSignal.abort(new Error("stopped"));
  await assert.rejects(execute(["sh", "-c", "exit 0"], { ...LIMIT, signal }), /stopped/);
});

test("a daemon left behind neither blocks the call nor dies with it", async () => {
  const result = await execute(["sh", "-c", "sleep 60 & echo $!"], LIMIT);
  const daemon = Number(result.stdout);
  try {
    assert.equal(result.ok, true);
    assert.ok(isAlive(daemon));
  } finally {
    process.kill(daemon, "SIGKILL");
  }
});

test("a program that does not read its input does not break the caller", async () => {
  const result = await execute(["true"], { ...LIMIT, stdin: "x".repeat(1 << 20) });
  assert.equal(result.ok, true);
});

test("the environment is inherited, added to, and taken from", async () => {
  const { stdout } = await execute(["sh", "-c", 'echo "${PATH:+path} $MK_A ${HOME-none}"'], {
    ...LIMIT,
    env: { MK_A: "one", HOME: undefined },
  });
  assert.equal(stdout, "path one none\n");
});

test("a secret file is private and gone afterwards", async () => {
  let path: string;
  {
    await using file = await openSecretFile("uri: x");
    path = file.path;
    assert.equal(await readFile(path, "utf8"), "uri: x");
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal((await stat(dirname(path))).mode & 0o777, 0o700);
  }
  await assert.rejects(access(dirname(path)), { code: "ENOENT" });
});

async function* parts(count: number): AsyncGenerator<Buffer> {
  for (let i = 0; i < count; i++) {
    await Promise.resolve();
    yield Buffer.alloc(1 << 16, 65);
  }
}

test("a stream is its input, and what it says is heard while it runs", async () => {
  const heard: string[] = [];
  const onStderr = (text: string) => heard.push(text);
  const counted = await execute(["sh", "-c", "printf Größe >&2; wc -c"], {
    ...LIMIT,
    stdin: parts(40),
    onStderr,
  });
  assert.equal(counted.stdout.trim(), String(40 << 16));
  assert.equal(heard.join(""), "Größe");
});

test("a program that ends before its stream does ends the stream", async () => {
  let closed = false;
  async function* endless() {
    try {
      yield* parts(Infinity);
    } finally {
      closed = true;
    }
  }
  assert.equal((await execute(["true"], { ...LIMIT, stdin: endless() })).ok, true);
  assert.ok(closed);
});

test("a stream that fails ends the program's input, and not the caller", async () => {
  async function* broken() {
    yield* parts(1);
    throw new Error("cannot be read");
  }
  const result = await execute(["wc", "-c"], { ...LIMIT, stdin: broken() });
  assert.equal(result.end.kind, "exit");
});
