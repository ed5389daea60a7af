// What is published: packed, installed into an empty folder without development dependencies, and run.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
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
    const packed = await run("npm", ["pack", "--pack-destination", folder], { cwd: ROOT });
    const lines = `${packed.stdout}${packed.stderr}`.split("\n");
    assert.ok(lines.length < 40, `npm pack prints ${lines.length} lines`);
    const [archive = ""] = await readdir(folder);
    const options = ["install", "--silent", "-g", "--prefix", folder, join(folder, archive)];
    await run("npm", options, { cwd: folder });
    const installed = join(folder, "lib/node_modules/mongokeep");
    const modules = await readdir(join(installed, "node_modules"));
    for (const development of ["typescript", "eslint", "fast-check", "@medplum", "node"])
      assert.ok(!modules.includes(development), development);
    assert.deepEqual(await brokenLinks(installed), []);
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

/** Pages of the package, LICENSE included, that its own pages and messages point to and that are not in it. */
async function brokenLinks(installed: string): Promise<string[]> {
  const paths = await readdir(installed, { recursive: true });
  const own = paths.filter((path) => !path.startsWith("node_modules"));
  const named = new Set(["LICENSE"]);
  for (const path of own.filter((one) => /\.(md|js)$/.test(one))) {
    const text = await readFile(join(installed, path), "utf8");
    for (const [, page = ""] of text.matchAll(/\b(docs\/[\w-]+\.md)\b/g)) named.add(page);
    if (!path.endsWith(".md")) continue;
    for (const [, link = ""] of text.matchAll(/\]\((?!\w+:|#)([^)#]+)/g))
      named.add(relative(installed, resolve(installed, dirname(path), link)));
  }
  return [...named].filter((page) => !own.includes(page));
}
