// Files that mongokeep creates are private from the first moment, whatever the umask, including temporary ones: checked
// in the system calls, and again on disk.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { lstat, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { withDatabase } from "../../tests/support/fresh-database.ts";
import { mongod } from "../../tests/support/servers.ts";
import { pathWithTools, runStockTool } from "../../tests/support/stock-tools.ts";
import { workspace } from "../../tests/support/workspace.ts";
import type { EnvValues, Workspace } from "../../tests/support/workspace.ts";
import { fakeCrontab } from "../../tests/schedule/crontab-program.ts";
import { BUILT, createTarget, fillTarget } from "../program/attack.ts";
import type { TortureCase } from "../runner/case.ts";
import { readCreations, straceArgs } from "../program/creations.ts";

const UMASKS = ["000", "022"] as const;
const STRANGERS = 0o077;

interface Play {
  readonly place: Workspace;
  readonly uri: string;
  /** Runs mongokeep under strace; throws where it creates what others could open. */
  readonly traced: (args: readonly string[], env?: EnvValues, code?: number) => Promise<void>;
  /** The same command without strace, to prepare. */
  readonly plain: (args: readonly string[], env?: EnvValues) => Promise<void>;
}

const PLAYS: Readonly<Record<string, (play: Play) => Promise<void>>> = {
  backup: async ({ traced }) => {
    await traced(["backup", "--manual"]);
    await traced(["verify"]);
    await traced(["list"]);
  },
  "backup by mongodump, ejson, zstd": async ({ traced }) => {
    await traced(["backup", "--manual"], { BACKUP_ENGINE: "mongodump" });
    await traced(["backup", "--manual"], { BACKUP_ENGINE: "ejson", BACKUP_COMPRESSION: "zstd" });
  },
  "backup with retention": async ({ traced, plain, place }) => {
    await plain(["backup"]);
    await traced(["backup"], { RETENTION_DAILY: "1d" });
    await traced(["cleanup"]);
    await damage(place);
    await traced(["verify", "--all"], {}, 3);
    await traced(["cleanup"]);
  },
  restore: async ({ traced, plain }) => {
    await plain(["backup", "--manual"]);
    await traced(["restore", "latest", "--confirm"]);
    await traced(["rollback", "--confirm"]);
    await traced(["restore", "--drop-aside", "--confirm"]);
  },
  "restore in place": async ({ traced, plain }) => {
    await plain(["backup", "--manual"]);
    await traced(["restore", "latest", "--confirm", "--in-place"]);
  },
  "restore by mongorestore": async ({ traced, plain }) => {
    await plain(["backup", "--manual"]);
    await traced(["restore", "latest", "--confirm", "--engine", "mongodump"]);
  },
  "an archive of mongodump": async ({ traced, uri, place }) => {
    const archive = place.at("dump.archive");
    await runStockTool("mongodump", ["--uri", uri, `--archive=${archive}`]);
    await traced(["verify", archive]);
    await traced(["restore", archive, "--confirm"]);
    await rm(archive);
  },
  drill: async ({ traced, plain }) => {
    await plain(["backup", "--manual"]);
    await traced(["drill"], { MONGOD_BINARY: (await mongod()).path });
  },
  schedule: async ({ traced, place }) => {
    await fakeCrontab(place.folder);
    await traced(["schedule", "install"]);
    await rm(place.at("crontab"));
    for (const name of await readdir(place.folder))
      if (name.startsWith("spool")) await rm(place.at(name));
  },
};

const NAMES = Object.keys(PLAYS);

export const modes: TortureCase = {
  name: "modes",
  fault: "umask 000 and 022; every system call that creates, of mongokeep and its children, traced",
  holds: "every file 0600 and every folder 0700 at creation, temporary ones too",
  trials: { full: NAMES.length * UMASKS.length, quick: NAMES.length },
  async lacks() {
    const works = promisify(execFile)("strace", ["-f", "--seccomp-bpf", "-o", "/dev/null", "true"]);
    return await works.then(
      () => null,
      () => "strace (5.3 or later) that may trace",
    );
  },
  async prepare(ground) {
    const target = await createTarget(ground);
    await fillTarget(target.db, ground.random, 0.05);
    const uri = withDatabase(await ground.servers.live(), target.database);
    return {
      async run({ number }) {
        const round = Math.floor(number / NAMES.length);
        const umask = UMASKS[(number + round) % UMASKS.length] ?? "000";
        const name = NAMES[number % NAMES.length] ?? "";
        await perform(uri, umask, name);
        return name;
      },
    };
  },
};

async function perform(uri: string, umask: string, name: string): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  const place = await workspace({ after: (run) => void undo.push(run) });
  const own = ["home", "tmp", ".env", "trace"];
  await mkdir(place.at("tmp"));
  const path = `${place.folder}:${await pathWithTools()}`;
  // The system's own calls for files are traced; rings of requests are not.
  const env = { PATH: path, HOME: place.home, TMPDIR: place.at("tmp"), UV_USE_IO_URING: "0" };
  const write = (more: EnvValues = {}) =>
    place.writeEnv({ MONGODB_URI: uri, BACKUP_LOG: place.at("log", "backup.log"), ...more });
  const play: Play = {
    ...{ place, uri },
    plain: async (args, more) => {
      await write(more);
      const run = await place.run(args, { ...BUILT, env });
      assert.equal(run.code, 0, run.stderr);
    },
    traced: async (args, more, code = 0) => {
      await write(more);
      const log = place.at("trace");
      const shell = `umask ${umask}; exec "$@"`;
      const child = spawn(
        "sh",
        ["-c", shell, "sh", ...straceArgs(log), process.execPath, BUILT.main, ...args],
        { cwd: place.folder, env },
      );
      let said = "";
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (text: Buffer) => (said += text.toString()));
      const [ended] = (await once(child, "close")) as [number | null];
      assert.equal(ended, code, `${args.join(" ")}: ${said}`);
      await judge(place, log, umask, args);
      await judgeDisk(place.folder, own);
    },
  };
  try {
    await PLAYS[name]?.(play);
  } finally {
    for (let next = undo.pop(); next; next = undo.pop()) await next();
  }
}

/** Of what was created in the place, nothing could be opened by others at that moment. */
async function judge(
  place: Workspace,
  log: string,
  umask: string,
  args: readonly string[],
): Promise<void> {
  const all = await readCreations(log, parseInt(umask, 8));
  // The fake crontab is a program of somebody else.
  const ours = all.filter(
    ({ path }) => path.startsWith(`${place.folder}/`) && !path.includes("/spool"),
  );
  for (const { kind, path, mode } of ours) {
    const shown = `${args.join(" ")}: ${kind} ${path} was created with mode ${mode.toString(8)}`;
    assert.equal(mode & STRANGERS, 0, shown);
    assert.equal(mode & 0o7000, 0, shown);
    assert.notEqual(kind, "node", shown);
  }
  if (args[0] === "backup") assert.ok(ours.length > 10, `strace saw ${ours.length} creations only`);
}

/** And what stays there has the very modes. */
async function judgeDisk(folder: string, own: readonly string[]): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const [first = ""] = path.slice(folder.length + 1).split("/");
    const isOwn =
      path === join(folder, first) &&
      (own.includes(first) || /archive$|^crontab|^spool/.test(first));
    if (isOwn) continue;
    const { mode } = await lstat(path);
    const wanted = entry.isDirectory() ? 0o700 : 0o600;
    assert.equal((mode & 0o7777).toString(8), wanted.toString(8), path);
  }
}

async function damage({ backupDir }: Workspace): Promise<void> {
  for (const name of await readdir(backupDir, { recursive: true })) {
    if (!name.endsWith("patients.bson.gz")) continue;
    const bytes = await readFile(join(backupDir, name));
    await writeFile(join(backupDir, name), bytes.subarray(1));
    return;
  }
  assert.fail("nothing to damage");
}
