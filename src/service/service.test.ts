import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { createService } from "./create-service.ts";
import type { Service, ServiceChoice } from "./service.ts";

const NEVER = new AbortController().signal;
/** Far longer than a check that passes takes, on a busy machine too. */
const PATIENT = { checkMs: 20_000, pauseMs: 20 };
const FAST = { checkMs: 300, pauseMs: 20 };
const PATH = process.env.PATH ?? "";

/** systemctl as far as mongokeep uses it: one unit, its state in files. */
const SYSTEMCTL = `#!/bin/sh
echo "$*" >> "$MK_STATE/calls"
for unit; do :; done
case "$*" in
  show*)
    [ -e "$MK_STATE/broken" ] && { echo "System has not been booted with systemd" >&2; exit 1; }
    if [ "$unit" = surg.service ]; then echo "LoadState=$(cat "$MK_STATE/load")"
    else echo LoadState=not-found; fi
    echo "ActiveState=$(cat "$MK_STATE/active")"
    echo "MainPID=0"
    echo "TasksCurrent=$(cat "$MK_STATE/tasks")" ;;
  *stop*) [ -e "$MK_STATE/refuse" ] && { echo "Access denied" >&2; exit 4; }
    echo inactive > "$MK_STATE/active" ;;
  *start*) cp "$MK_STATE/after-start" "$MK_STATE/active" ;;
esac
`;

let folder: string;
let state: string;
/** By rename: a state that is read while it is written must be the old one or the new one. */
const put = async (name: string, text: string) => {
  await writeFile(join(state, `${name}.new`), text);
  await rename(join(state, `${name}.new`), join(state, name));
};
const get = async (name: string) => (await readFile(join(state, name), "utf8")).trim();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "mk-service-"));
  await writeFile(join(folder, "systemctl"), SYSTEMCTL);
  await chmod(join(folder, "systemctl"), 0o755);
  process.env.PATH = folder + delimiter + PATH;
});
after(async () => {
  process.env.PATH = PATH;
  delete process.env.MK_STATE;
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  state = await mkdtemp(join(folder, "state-"));
  process.env.MK_STATE = state;
  await put("load", "loaded");
  await put("active", "active");
  await put("after-start", "active");
  await put("tasks", "[not set]");
});

function create(choice: ServiceChoice, limits = {}): Service {
  const service = createService(choice, { ...PATIENT, ...limits });
  assert.ok(service);
  return service;
}

const unit = (
  name = "surg.service",
  check: string | null = null,
  limits = {},
  status: string | null = null,
) => create({ kind: "systemd", unit: name, check, status }, limits);
const commands = (
  stop: string,
  start: string,
  check: string | null = null,
  limits = {},
  status: string | null = null,
) => create({ kind: "commands", stop, start, startFrom: "/surg/.env", check, status }, limits);
const SCRIPTS = [
  'echo inactive > "$MK_STATE/active"',
  'cat "$MK_STATE/after-start" > "$MK_STATE/active"',
  'test "$(cat "$MK_STATE/active")" = active',
] as const;
const STATUS = 'test "$(cat "$MK_STATE/active")" = active || exit 3';
const stateOf = async (service: Service) => (await service.state(NEVER)).is;

test("no service set is no service", () => {
  assert.equal(createService({ kind: "none" }), null);
});

for (const [name, make] of [
  ["a systemd unit", (limits = {}) => unit("surg.service", null, limits)],
  ["a pair of commands with a status", (limits = {}) => commands(...SCRIPTS, limits, STATUS)],
] as const) {
  describe(`every service: ${name}`, () => {
    test("is found, stopped and started again", async () => {
      const service = make();
      await service.assertExists(NEVER);
      assert.equal(await stateOf(service), "running");
      await service.stop(NEVER);
      assert.equal(await stateOf(service), "stopped");
      await service.start();
      await service.check();
      assert.equal(await stateOf(service), "running");
      assert.match(service.startHint, /start/i);
    });

    test("that does not come up fails the check, with why", async () => {
      const service = make(FAST);
      await put("after-start", "failed");
      await service.start();
      await assert.rejects(service.check(), {
        code: "failed",
        message: /does not work 0\.3 s after/,
      });
    });

    test("that comes up late passes the check", async () => {
      const service = make();
      await put("after-start", "activating");
      await service.start();
      setTimeout(() => void put("active", "active"), 60);
      await service.check();
      assert.equal(await get("active"), "active");
    });

    test("is not stopped once the signal has aborted", async () => {
      const signal = AbortSignal.abort(new Error("ctrl-c"));
      await assert.rejects(make().stop(signal), /ctrl-c/);
      assert.equal(await get("active"), "active");
    });
  });
}

test("a unit that does not exist, or is masked, is exit 2 before anything", async () => {
  await assert.rejects(unit("sugr.service").assertExists(NEVER), {
    code: "bad-setting",
    message: /sugr\.service does not exist/,
  });
  await put("load", "masked");
  await assert.rejects(unit().assertExists(NEVER), { code: "bad-setting", message: /masked/ });
});

test("a machine without systemd is exit 2 and is told the other way", async () => {
  await put("broken", "");
  await assert.rejects(unit().assertExists(NEVER), {
    code: "bad-setting",
    message: /not been booted with systemd/,
    hint: /SERVICE_STOP/,
  });
});

test("a stop that systemd denies says so, and never asks for a password", async () => {
  await put("refuse", "");
  await assert.rejects(unit().stop(NEVER), {
    code: "failed",
    message: "cannot stop surg.service: systemctl exited with 4: Access denied",
  });
  assert.match(await get("calls"), /^--no-ask-password stop -- surg\.service$/m);
});

test("a unit's own check is asked in place of its state", async () => {
  const sick = unit("surg.service", "echo sick >&2; false", FAST);
  await assert.rejects(sick.check(), { message: /sick/ });
  await unit("surg.service", "true").check();
});

for (const [active, tasks, is] of [
  ["inactive", "18446744073709551615", "stopped"],
  ["failed", "[not set]", "stopped"],
  ["failed", "2", "running"],
  ["inactive", "1", "running"],
  ["activating", "[not set]", "running"],
  ["deactivating", "3", "running"],
  ["maintenance", "[not set]", "running"],
] as const)
  test(`a unit that is ${active} with ${tasks} tasks counts as ${is}`, async () => {
    await put("active", active);
    await put("tasks", tasks);
    assert.equal(await stateOf(unit()), is);
  });

test("a unit that is stopped and leaves processes behind is not taken for stopped", async () => {
  await put("tasks", "2");
  await assert.rejects(unit().stop(NEVER), {
    code: "failed",
    message: "cannot stop surg.service: 2 of its processes still run",
    hint: /systemctl kill surg\.service/,
  });
});

for (const [answer, is] of [
  ["exit 0", "running"],
  ["exit 3", "stopped"],
  ["exit 1", "unknown"],
  ["exit 4", "unknown"],
  ["mongokeep-no-such-program", "unknown"],
  ["kill -9 $$", "unknown"],
  ["sleep 60", "unknown"],
] as const)
  for (const [kind, make] of [
    ["a unit", (limits: object) => unit("surg.service", "true", limits, answer)],
    ["commands", (limits: object) => commands("true", "true", "true", limits, answer)],
  ] as const)
    test(`the state of ${kind} with SERVICE_STATUS='${answer}' is ${is}`, async () => {
      assert.equal(await stateOf(make({ oneCheckMs: answer === "sleep 60" ? 100 : 20_000 })), is);
    });

for (const check of ["false", "sleep 60", "mongokeep-no-such-program"])
  test(`SERVICE_CHECK='${check}' is no sign of a stopped service`, async () => {
    const limits = { oneCheckMs: check === "sleep 60" ? 100 : 20_000 };
    const service = commands("true", "true", check, limits);
    assert.equal(await stateOf(service), "unknown");
    assert.match((await service.problem(NEVER)) ?? "", /^SERVICE_CHECK /);
    assert.equal(await stateOf(unit("surg.service", check, limits)), "running");
  });

test("a stop that returns early is waited for, and one that stops nothing fails", async () => {
  const late = `(sleep 0.05; ${SCRIPTS[0]}) >/dev/null 2>&1 &`;
  await commands(late, "true", null, {}, STATUS).stop(NEVER);
  assert.equal(await get("active"), "inactive");
  await assert.rejects(commands("true", "true", null, FAST, "true").stop(NEVER), {
    code: "failed",
    message: /according to SERVICE_STATUS it still runs/,
  });
});

test("a service that starts again by itself is detected", async () => {
  for (const service of [unit(), commands(...SCRIPTS, {}, STATUS)]) {
    await service.stop(NEVER);
    assert.equal(await service.cameBack(), false);
    await put("active", "activating");
    assert.equal(await service.cameBack(), service.name === "surg.service");
    await put("active", "active");
    assert.equal(await service.cameBack(), true);
  }
  await put("broken", "");
  assert.equal(await unit().cameBack(), false);
});

test("how a service is started is said without the command", () => {
  const { name, startHint } = commands("stop T0KEN", "start T0KEN");
  assert.deepEqual(
    { name, startHint },
    { name: "SERVICE_STOP", startHint: "the command of SERVICE_START in /surg/.env" },
  );
});

test("whether commands without a check run cannot be known", async () => {
  const service = commands("true", "true");
  assert.equal(await stateOf(service), "unknown");
  await service.check();
});

test("a command that fails is named with what it said, and not shown itself", async () => {
  const service = commands("T0KEN=1; echo 'no such pod' >&2; exit 7", "exit 1");
  await assert.rejects(service.stop(NEVER), {
    code: "failed",
    message: "cannot stop the service: SERVICE_STOP exited with 7: no such pod",
  });
  await assert.rejects(service.start(), { message: /SERVICE_START exited with 1/ });
});

test("a command that hangs is ended", async () => {
  const service = commands("sleep 60", "true", null, { stopMs: 100 });
  await assert.rejects(service.stop(NEVER), { message: /did not end within 0\.1 s/ });
});

test("a command that leaves the service in the background returns", async () => {
  const service = commands("true", 'sleep 60 & echo $! > "$MK_STATE/pid"');
  await service.start();
  process.kill(Number(await get("pid")), "SIGKILL");
});
