// The power fails at a random point of backup and cleanup: examines a copy of the disk image after its own recovery.
// Every backup that was reported as complete is there and verifies, and nothing else is good.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { listBackups, verify } from "../../src/index.ts";
import { BUILT, createTarget, fillTarget } from "../program/attack.ts";
import type { Target } from "../program/attack.ts";
import type { TortureCase, Trial } from "../runner/case.ts";
import { lacksLoop } from "../machine/may-mount.ts";
import { createJudge } from "../runner/judge.ts";

const exec = promisify(execFile);
const MEGABYTES = 96;

export const powerCut: TortureCase = {
  name: "power-cut",
  fault:
    "a copy of the loop-mounted ext4 image at random points of backup and cleanup, mounted again",
  holds: "every backup that was reported complete is there and verifies; what is listed as good is",
  trials: { full: 200, quick: 10 },
  lacks: lacksLoop,
  async prepare(ground) {
    const target = await createTarget(ground);
    const { place } = target;
    await fillTarget(target.db, ground.random, 3);
    const [image, copy, there] = [place.at("disk.img"), place.at("copy.img"), place.at("after")];
    await mkdir(there);
    await mkdir(place.backupDir, { mode: 0o700 });
    await exec("truncate", ["-s", `${MEGABYTES}M`, image]);
    await exec("mkfs.ext4", ["-q", "-F", image]);
    await exec("mount", ["-o", "loop", image, place.backupDir]);
    ground.after(async () => {
      await exec("umount", ["-l", place.backupDir]);
    });
    await exec("chmod", ["700", place.backupDir]);
    await rm(`${place.backupDir}/lost+found`, { recursive: true });
    // The judge's other promises hold here too: its folder is the disk that was not cut off.
    await createJudge(ground, place, target.database);
    const begun = performance.now();
    const first = await place.run(["backup", "--manual", "--json"], BUILT);
    assert.equal(first.code, 0, first.stdout + first.stderr);
    const wholeMs = performance.now() - begun;
    const disk = { image, copy, there };
    return { run: (trial) => runTrial({ target, disk, wholeMs }, trial) };
  },
};

interface Bed {
  readonly target: Target;
  readonly disk: { readonly image: string; readonly copy: string; readonly there: string };
  readonly wholeMs: number;
}

async function runTrial({ target, disk, wholeMs }: Bed, { random }: Trial): Promise<string> {
  const { place } = target;
  const { backups } = await listBackups({ envFile: place.at(".env") });
  const complete = new Set(backups.filter((b) => b.state === "good").map(({ id }) => id));
  const running = place.start(["backup", "--manual", "--json"], BUILT);
  const reported: string[] = [];
  void running.result.then((run) => {
    if (run.code === 0) reported.push(String(run.json().id));
  });
  await sleep((0.2 + 0.85 * random.unit()) * wholeMs);
  for (const id of reported) complete.add(id);
  await exec("cp", ["--sparse=always", disk.image, disk.copy]);
  const run = await running.result;
  assert.equal(run.code, 0, run.stdout + run.stderr);
  const found = await judgeCopy(target, disk, complete);
  // Few backups on a small disk.
  for (const id of [...complete].slice(0, -1)) await place.run(["delete", id, "--confirm"], BUILT);
  if (reported.length > 0 && complete.has(reported[0] ?? "")) return "after its end: all there";
  return found > complete.size ? "the new one whole before its report" : "the new one not there";
}

/** How many are good on the disk as it was when the power went. */
async function judgeCopy(
  { place }: Target,
  { copy, there }: Bed["disk"],
  complete: ReadonlySet<string>,
): Promise<number> {
  await exec("mount", ["-o", "loop", copy, there]);
  try {
    const settings = { backupDir: there };
    const from = { envFile: place.at(".env"), settings };
    const { backups } = await listBackups(from);
    const good = backups.filter((backup) => backup.state === "good").map(({ id }) => id);
    for (const id of complete)
      assert.ok(good.includes(id), `${id} was reported as complete, and the disk has lost it`);
    for (const id of good) {
      const { ok, backups: verified } = await verify({ ...from, refs: id, level: "full" });
      assert.ok(ok, `${id} is listed as good, and is not: ${JSON.stringify(verified)}`);
    }
    return good.length;
  } finally {
    await exec("umount", ["-l", there]);
  }
}
