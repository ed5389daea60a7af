// The installed line is taken apart as cron does it and run by sh: a backup of every hostile path must start
// in the right folder, with the right arguments, and write to the right log.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { formatCronLine } from "../../src/schedule/command-line.ts";

/** Vixie cron's do_command.c: \% is a percent sign, a bare % ends the command. */
function commandOfCron(line: string): string {
  let command = "";
  let escaped = false;
  for (const char of line.split(" ").slice(5).join(" ")) {
    if (escaped && char === "%") command = command.slice(0, -1);
    if (!escaped && char === "%") break;
    escaped = !escaped && char === "\\";
    command += char;
  }
  return command;
}

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "mk-line-"));
});
after(() => rm(root, { recursive: true }));

async function runIn(name: string, number: number): Promise<void> {
  const project = join(root, String(number), name);
  await mkdir(project, { recursive: true });
  const node = join(project, "node");
  await symlink("/bin/sh", node);
  const script = join(project, `script ${name}`);
  await writeFile(script, `pwd; printf '[%s]' "$@"\n`);
  const command = {
    project,
    node,
    script,
    envFile: join(project, ".env"),
    logFile: join(project, `log ${name}`),
    home: "/root",
  };
  const line = formatCronLine("0 2 * * *", ["backup"], command);
  assert.ok(!line.includes("\n"));
  const ran = spawnSync("/bin/sh", ["-c", commandOfCron(line)], { cwd: "/", encoding: "utf8" });
  assert.equal(ran.stderr + ran.stdout, "", line);
  const log = await readFile(command.logFile, "utf8");
  assert.equal(log, `${project}\n[backup][--env-file][${command.envFile}]`, line);
  assert.deepEqual(
    (await readdir(project)).sort(),
    [command.logFile, node, script].map((path) => path.slice(project.length + 1)).sort(),
  );
}

const HOSTILE = [
  "a b",
  "100%",
  "%",
  "%%\\%",
  "back\\slash\\",
  "a\\%b",
  "it's",
  "''",
  'say "hi"',
  "$HOME",
  "$(touch x)",
  "`touch x`",
  "größe 日本 🙂",
  "~",
  "-n",
  "#no comment",
  "a;b&c|d>e<f",
  "*?[x]{a,b}!",
  " lead and trail ",
  "&& rm",
];

test("paths that cron or sh would take apart arrive whole", async (t) => {
  for (const [number, name] of HOSTILE.entries()) {
    await t.test(JSON.stringify(name), () => runIn(name, number));
  }
});

test("so does any name made of the characters that mean something", async () => {
  const unit = fc.constantFrom(..."%\\'\"$` ~#&;|a".split(""));
  let number = 1000;
  await fc.assert(
    fc.asyncProperty(fc.string({ unit, minLength: 1, maxLength: 12 }), (name) =>
      runIn(name, number++),
    ),
    { numRuns: process.env.SLOW === "1" ? 1000 : 40 },
  );
});

test("~ is left to the shell where the log is the default one", async () => {
  const home = join(root, "home of x");
  await mkdir(join(home, ".tmp"), { recursive: true });
  const command = {
    project: root,
    node: "/bin/echo",
    script: "script",
    envFile: null,
    logFile: join(home, ".tmp", "backup.log"),
    home,
  };
  const line = formatCronLine("0 2 * * *", ["backup"], command);
  assert.ok(line.endsWith(" >> ~/.tmp/backup.log 2>&1"));
  spawnSync("/bin/sh", ["-c", commandOfCron(line)], { env: { HOME: home, PATH: "/usr/bin:/bin" } });
  assert.equal(await readFile(command.logFile, "utf8"), "script backup\n");
});
