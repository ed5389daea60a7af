// A command line that is wrong is refused before anything is looked at: exit 2, what is wrong, what to do.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { test } from "node:test";
import { runCli } from "../support/cli.ts";
import { failureOf } from "./read.ts";
import { workspace } from "../support/workspace.ts";

const WRONG: readonly (readonly [args: string[], message: RegExp, hint: RegExp])[] = [
  [["bakup"], /unknown command 'bakup'/, /Did you mean backup\?/],
  [["backup", "--manaul"], /unknown option '--manaul'/, /Did you mean --manual\?/],
  [["backup", "everything"], /too many arguments/, /--help/],
  [["backup", "--compression", "lz4"], /lz4.*gzip, zstd, none/, /--help/],
  [["backup", "--note"], /--note.*argument missing/, /--help/],
  [["backup", "--note", "x".repeat(1001)], /longer than 1000/, /Shorten/],
  [["verify", "--level", "half"], /half.*quick, full, drill/, /--help/],
  [["verify", "latest", "--all"], /one backup, or --latest, or --all/, /./],
  [["restore", "--confirm"], /--confirm needs the name of a backup/, /mongokeep list/],
  [["restore", "latest", "--db", "surg"], /"surg" is not from=to/, /surg=surg_check/],
  [["restore", "latest", "--ns", "a=b"], /no database\.collection/, /surg\.patients=/],
  [["restore", "latest", "--at", "now"], /exclude each other/, /one of them/],
  [["restore", "latest", "--discard-replaced"], /exclude each other/, /one of them/],
  [["restore", "latest", "--drop-aside"], /exclude each other/, /one of them/],
  [["restore", "latest", "--db", "a=b", "--db", "a=c"], /names a twice/, /one target/],
  [["diff"], /missing required argument 'backup'/, /--help/],
  [["diff", "a", "b", "--live"], /another backup or --live/, /./],
  [["diff", "a", "--samples", "many"], /--samples "many" is not a number/, /./],
  [["extract", "latest"], /required option .--ns/, /--help/],
  [["extract", "x", "--ns", "a.b", "--limit", "-1"], /--limit "-1" is not a whole number/, /./],
  [["show"], /missing required argument 'backup'/, /--help/],
  [["delete", "--confirm"], /missing required argument 'backup'/, /--help/],
  [["schedule"], /no command is given/, /mongokeep schedule --help shows/],
  [["schedule", "instal"], /unknown command 'instal'/, /Did you mean install\?/],
];

for (const [args, message, hint] of WRONG) {
  const shown = args.map((word) => word.slice(0, 20)).join(" ");
  test(`mongokeep ${shown} is refused with what is wrong and what to do`, async () => {
    const { code, stdout, stderr } = await runCli(args);
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, message);
    assert.match(stderr, hint);
    assert.match(stderr, /^\S+ ERROR mongokeep.* failed code=usage exit=2$/m);
    assert.doesNotMatch(stderr, /\bat .*\.ts:\d+/);
  });

  test(`mongokeep ${shown} --json says so in one object`, async () => {
    const run = await runCli([...args, "--json"]);
    assert.equal(run.code, 2);
    const { ok, error } = failureOf(run);
    assert.equal(ok, false);
    // `--note --json` takes the flag as its value: everything else is the same failure as above.
    assert.equal(error.code, "usage");
    assert.equal(typeof error.message, "string");
    assert.ok(error.hint.length > 0);
  });
}

const COMMANDS =
  "init backup verify restore rollback cleanup list show delete schedule status doctor drill".split(
    " ",
  );

test("mongokeep alone, help and --help name every command, the exit codes, and examples", async () => {
  const { code, stdout, stderr } = await runCli(["--help"]);
  assert.equal(code, 0);
  assert.equal(stderr, "");
  for (const args of [[], ["help"]])
    assert.deepEqual(await runCli(args).then((run) => [run.code, run.stdout, run.stderr]), [
      0,
      stdout,
      "",
    ]);
  for (const name of COMMANDS) assert.match(stdout, new RegExp(`^  ${name}\\b`, "m"));
  assert.match(stdout, /Exit codes: 0 done/);
  assert.match(stdout, /Examples:/);
  assert.doesNotMatch(stdout, /^ {2}help\b/m);
});

for (const name of COMMANDS) {
  test(`${name} --help has the shared flags, exit codes and an example`, async () => {
    const { code, stdout } = await runCli([name, "--help"]);
    assert.equal(code, 0);
    for (const flag of ["--env-file", "--json", "--quiet", "--verbose"]) {
      assert.ok(stdout.includes(flag), flag);
    }
    assert.match(stdout, /Exit codes: /);
    assert.match(stdout, new RegExp(`\\$ mongokeep ${name}\\b`));
    for (const line of stdout.split("\n")) assert.ok(line.length <= 120, line);
  });
}

test("mongokeep help backup is backup --help", async () => {
  const [help, flag] = [await runCli(["help", "backup"]), await runCli(["backup", "--help"])];
  assert.deepEqual([help.code, help.stdout, help.stderr], [0, flag.stdout, ""]);
  const wrong = await runCli(["help", "bakup"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /unknown command 'bakup'/);
});

test("--version prints the version of package.json", async () => {
  const { code, stdout } = await runCli(["--version"]);
  assert.equal(code, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test("flags that every command takes are understood before it, too", async (t) => {
  const place = await workspace(t);
  await writeFile(place.at("other.env"), "BACKUP_COMPRESION=gzip\n");
  const run = await place.run(["--json", "--env-file", "other.env", "list"]);
  assert.equal(run.code, 2);
  assert.match(failureOf(run).error.message, /BACKUP_COMPRESION/);
});

test("a Node that is too old is told, with --json as JSON too", () => {
  const main = resolve(import.meta.dirname, "../../bin/mongokeep.cjs");
  const old = `Object.defineProperty(process.versions, "node", { value: "20.1.0" }); require(${JSON.stringify(main)})`;
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ["-e", old, "--", "list", ...args], { encoding: "utf8" });
  const plain = run();
  assert.deepEqual([plain.status, plain.stdout], [2, ""]);
  assert.match(plain.stderr, /needs Node 22\.15 or later, and this is Node 20\.1\.0/);
  const { ok, error } = JSON.parse(run("--json").stdout) as {
    ok: boolean;
    error: { code: string };
  };
  assert.deepEqual([ok, error.code], [false, "unfit-node"]);
});
