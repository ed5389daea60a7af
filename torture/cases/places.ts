// Links, FIFOs, devices, foreign owners, open, locked, read-only and unmounted folders instead of mongokeep's: refused
// with a reason or skipped, never waited for, and nothing changes outside of BACKUP_DIR.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { keptBeside } from "../../tests/support/fidelity.ts";
import { withDatabase } from "../../tests/support/fresh-database.ts";
import { BUILT, createTarget, fillTarget } from "../program/attack.ts";
import type { TortureCase } from "../runner/case.ts";
import { createCommander } from "../program/commander.ts";
import { enterGround } from "../runner/ground.ts";
import { PLACE_ROWS } from "../places/rows.ts";
import type { Outcome, PlaceCommand, Row } from "../places/rows.ts";
import { changesIn, createScene, HANGS_MS, OTHER_USER } from "../places/scene.ts";
import type { Ran, Scene } from "../places/scene.ts";

const execute = promisify(execFile);

export const places: TortureCase = {
  name: "places",
  fault:
    "links, FIFOs, devices, files, foreign owners, open, read-only and unmounted folders in the place of ours, for list, verify, cleanup, backup, restore, delete",
  holds:
    "refused with a reason or passed over, never `internal`, no hang; nothing outside of BACKUP_DIR changes",
  trials: { full: PLACE_ROWS.length, quick: PLACE_ROWS.length },
  lacks,
  async prepare(ground) {
    const target = await createTarget(ground);
    await fillTarget(target.db, ground.random, 0.05);
    const truth = await target.hashes();
    const { place, database } = target;
    const made = await place.run(["backup", "--json"], BUILT);
    assert.equal(made.code, 0, made.stderr);
    const original = String(made.json().path);
    const uri = withDatabase(await ground.servers.live(), database);
    const commander = createCommander(ground, HANGS_MS);
    return {
      trials: PLACE_ROWS.length,
      async run({ number }) {
        const row = PLACE_ROWS[number];
        assert.ok(row);
        const { servers, quick } = ground;
        const entered = enterGround(servers, {
          quick,
          seed: 0,
          say: () => undefined,
        });
        try {
          const scene = await createScene(entered.ground, commander, original, uri);
          await tryRow(scene, row, database);
        } finally {
          await entered.leave();
          // Another scene's restore of the same second would find them in its way.
          for (const name of await keptBeside(target.client, database))
            await target.db.dropCollection(name);
        }
        assert.deepEqual(await target.hashes(), truth, `${row.name}: live data changed`);
        return Object.values(row.expect).every((one) => one === "works") ? "works" : "refused";
      },
    };
  },
};

async function lacks(): Promise<string | null> {
  if (process.getuid?.() !== 0) return "root, to mount, to make devices and to be another user";
  const user = String(OTHER_USER);
  const asOther = ["setpriv", `--reuid=${user}`, "--clear-groups", process.execPath, BUILT.main];
  const needs: readonly (readonly [readonly string[], string])[] = [
    [["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], "the right to mount"],
    [[...asOther, "--version"], "setpriv, and a mongokeep that other users may read"],
  ];
  for (const [[program = "", ...args], what] of needs) {
    const run = await execute(program, args).catch(() => null);
    if (run === null) return what;
  }
  return null;
}

async function tryRow(scene: Scene, row: Row, database: string): Promise<void> {
  row.prepare?.(scene);
  await scene.sh(`DB=${database}; ${row.script}`);
  const before = await scene.picture();
  for (const [command, outcome] of Object.entries(row.expect)) {
    const ran = await scene.run(argsOf(command as PlaceCommand, scene.id));
    const said = `${row.name}: ${command}: ${ran.shown}`;
    assert.equal(outcomeOf(ran), outcome satisfies Outcome, said);
    assert.deepEqual(changesIn(before, await scene.picture()), [], said);
  }
}

function argsOf(command: PlaceCommand, id: string): string[] {
  if (command === "verify") return ["verify", id];
  if (command === "restore") return ["restore", id, "--confirm", "--skip-pre-backup"];
  if (command === "delete") return ["delete", id, "--confirm"];
  return [command];
}

function outcomeOf({ code, error }: Ran): string {
  if (code === null) return "hangs";
  if (code === 0) return "works";
  return error ?? (code === 3 ? "damaged" : `exit ${code}`);
}
