// What is published: packed, installed into an empty folder without development dependencies, and run.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { requires } from "../support/requires.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, "../..");

requires(
  { topology: "replicaSet" },
  "npm pack and npm install -g give a command that backs up and restores",
  async (t, fresh) => {
    await fresh.db.collection("patients").insertMany([{ a: 1 }, { a: 2 }]);
    const folder = await temporaryFolder(t);
    await run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: ROOT });
    const [archive = ""] = await readdir(folder);
    const options = ["install", "--silent", "-g", "--prefix", folder, join(folder, archive)];
    await run("npm", options, { cwd: folder });
    const installed = join(folder, "lib/node_modules/mongokeep");
    const modules = await readdir(join(installed, "node_modules"));
    for (const development of ["typescript", "eslint", "fast-check", "@medplum", "node"])
      assert.ok(!modules.includes(development), development);
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    const env = {
      PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ""}`,
      HOME: place.home,
    };
    const keep = async (...args: string[]) =>
      (await run(join(folder, "bin/mongokeep"), args, { cwd: place.folder, env })).stdout;
    assert.match(await keep("--help"), /backup/);
    assert.equal(JSON.parse(await keep("backup", "--json")).ok, true);
    await fresh.db.dropDatabase();
    const restored = JSON.parse(await keep("restore", "latest", "--confirm", "--json"));
    assert.equal(restored.restored, true);
    assert.equal(await fresh.db.collection("patients").countDocuments(), 2);
  },
);
