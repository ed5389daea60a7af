// What a command loads before it works: a monitoring host runs `status` every minute, and a person waits for `--help`.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { test } from "node:test";
import { workspace } from "../support/workspace.ts";

const LISTER = resolve(import.meta.dirname, "../support/list-modules.ts");
const DRIVER = /node_modules\/mongodb\/lib\//;
const LIBRARIES = /node_modules\/(mongodb|bson|zod|string-width|@clack)\//;
const WORK = /\/src\/(jobs|mongo|dump|restore|verify|archive|config\/settings)[/.]/;

/** One name a line, so that a failure says what was loaded. */
const those = (loaded: readonly string[], what: RegExp) => loaded.filter((url) => what.test(url));

test("small commands load neither the driver nor what other commands need", async (t) => {
  const place = await workspace(t, { MONGODB_URI: "mongodb://127.0.0.1:1/surg" });
  const env = { NODE_OPTIONS: `--import=${LISTER}`, MODULES_TOLD: place.at("modules") };
  const loadedBy = async (...args: string[]) => {
    const { stderr, code } = await place.run(args, { env });
    assert.ok(code === 0 || code === 1, stderr);
    const loaded = (await readFile(place.at("modules"), "utf8")).split("\n");
    assert.ok(those(loaded, /\/src\/cli\/program\.ts$/).length > 0, "the list is whole");
    return loaded;
  };
  for (const args of [["--version"], ["--help"], ["init", "--help"], ["restore", "--help"]]) {
    const loaded = await loadedBy(...args);
    assert.deepEqual(those(loaded, LIBRARIES), [], args.join(" "));
    assert.deepEqual(those(loaded, WORK), [], args.join(" "));
  }
  for (const args of [["list"], ["status"], ["cleanup", "--dry-run"]]) {
    const loaded = await loadedBy(...args);
    assert.deepEqual(those(loaded, DRIVER), [], args.join(" "));
    assert.deepEqual(those(loaded, /\/src\/(dump|verify)\//), [], args.join(" "));
  }
});
