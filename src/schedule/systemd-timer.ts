// Systemd user units in ~/.config/systemd/user: writes, enables and removes them.
import { mkdir, readFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { KeepError } from "../errors.ts";
import { PRIVATE_FOLDER, replaceFile } from "../util/durable-file.ts";
import { describeEnd, execute } from "../util/exec.ts";
import type { ScheduledCommand } from "./command-line.ts";
import type { SchedulePart } from "./crontab-text.ts";
import { formatServiceUnit, formatTimerUnit, readUnit } from "./systemd-units.ts";

/** One scheduled run. */
export interface TimedRun {
  /** Name of the unit: "mongokeep-backup". */
  readonly unit: string;
  readonly at: string;
  readonly verb: readonly string[];
}

/** The units of each part. */
const UNITS: Readonly<Record<SchedulePart, readonly string[]>> = {
  nightly: ["mongokeep-backup", "mongokeep-status"],
  drill: ["mongokeep-drill"],
};
const TIMEOUT_MS = 30_000;

export interface InstalledTimer {
  readonly unit: string;
  readonly at: string;
  /** Its OnCalendar line. */
  readonly line: string;
  readonly enabled: boolean;
}

const folderOf = (home: string) => join(home, ".config", "systemd", "user");

/** Writes and starts the timers; removes the files again if systemd refuses. Idempotent. */
export async function installTimers(
  runs: readonly TimedRun[],
  command: ScheduledCommand,
  systemctl: string,
  part: SchedulePart = "nightly",
): Promise<void> {
  const folder = folderOf(command.home);
  await assertOwn(folder, command.project, part);
  const files = runs.flatMap(({ unit, at, verb }): [string, string][] => [
    [`${unit}.service`, formatServiceUnit(at, verb, command)],
    [`${unit}.timer`, formatTimerUnit(at, verb, command.project)],
  ]);
  await removeTimers(command.project, command.home, systemctl, part);
  await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
  try {
    for (const [name, text] of files) await replaceFile(join(folder, name), text);
    await runSystemctl(systemctl, ["daemon-reload"]);
    await runSystemctl(systemctl, ["enable", "--now", ...runs.map(({ unit }) => `${unit}.timer`)]);
  } catch (error) {
    // Units that systemd refused would be reported as a schedule that never runs.
    for (const [name] of files) await rm(join(folder, name), { force: true });
    throw error;
  }
}

/** Stops and removes the project's timers; returns whether there were any. */
export async function removeTimers(
  project: string,
  home: string,
  systemctl: string,
  part: SchedulePart = "nightly",
): Promise<boolean> {
  const timers = await readTimers(project, home, part);
  if (timers.length === 0) return false;
  const units = timers.map(({ unit }) => unit);
  await runSystemctl(systemctl, ["disable", "--now", ...units.map((unit) => `${unit}.timer`)]);
  for (const unit of units) {
    for (const kind of ["timer", "service"]) {
      await rm(join(folderOf(home), `${unit}.${kind}`), { force: true });
    }
  }
  await runSystemctl(systemctl, ["daemon-reload"]);
  return true;
}

/** The project's timers according to their files. */
export async function readTimers(
  project: string,
  home: string,
  part: SchedulePart = "nightly",
): Promise<InstalledTimer[]> {
  const folder = folderOf(home);
  const wanted = (await readdir(join(folder, "timers.target.wants")).catch(nothing)) ?? [];
  const timers: InstalledTimer[] = [];
  for (const unit of UNITS[part]) {
    const text = await readFile(join(folder, `${unit}.timer`), "utf8").catch(nothing);
    const head = text === null ? null : readUnit(text);
    if (text === null || head?.project !== project) continue;
    const line = /^OnCalendar=.*$/m.exec(text)?.[0] ?? "";
    timers.push({ unit, at: head.at, line, enabled: wanted.includes(`${unit}.timer`) });
  }
  return timers;
}

function nothing(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
  throw error;
}

/** All projects of a user have the same unit names: a second project must not replace the first one's. */
async function assertOwn(folder: string, project: string, part: SchedulePart): Promise<void> {
  for (const unit of UNITS[part]) {
    const path = join(folder, `${unit}.timer`);
    const text = await readFile(path, "utf8").catch(nothing);
    if (text === null) continue;
    const owner = readUnit(text)?.project;
    if (owner === project) continue;
    const whose = owner === undefined ? "not made by mongokeep" : `of the project ${owner}`;
    throw new KeepError("failed", `${path} exists and is ${whose}`, {
      hint: "Remove that one first, or use a crontab (without --systemd), which can hold several projects.",
    });
  }
}

async function runSystemctl(program: string, argv: readonly string[]): Promise<void> {
  const result = await execute([program, "--user", ...argv], { timeoutMs: TIMEOUT_MS });
  if (result.ok) return;
  throw new KeepError("failed", `systemctl --user ${argv.join(" ")} ${describeEnd(result)}`, {
    hint: "Log in as this user (not with su or sudo), and run loginctl enable-linger so that timers run without a login. Or install without --systemd.",
  });
}
