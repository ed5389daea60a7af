// For `node --test --test-global-setup`: starts the servers that all test files share, once, and stops them.
// Test files are child processes and inherit the environment that is set here.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ThrowawayMongod } from "../../src/tools/throwaway-mongod.ts";
import { mongod, SHARED_SHAPES, startShared } from "./servers.ts";

const started: ThrowawayMongod[] = [];
let compiled: string | undefined;

export async function globalSetup(): Promise<void> {
  await keepCompiledCode();
  const { version, source, path } = await mongod();
  for (const name of Object.keys(SHARED_SHAPES)) {
    const server = await startShared(name);
    started.push(server);
    process.env[name] = server.uri;
  }
  process.stderr.write(`tests run on mongod ${version} (${source}: ${path})\n`);
}

export async function globalTeardown(): Promise<void> {
  await Promise.all(started.map((server) => server.stop()));
  if (compiled !== undefined) await rm(compiled, { recursive: true, force: true });
}

/**
 * The suite starts mongokeep some thousand times: half of each start would be to strip the types of the same files
 * again. Coverage is exact only for code that is compiled anew: scripts/coverage.ts sets NODE_DISABLE_COMPILE_CACHE.
 */
async function keepCompiledCode(): Promise<void> {
  if (process.env.NODE_DISABLE_COMPILE_CACHE !== undefined) return;
  compiled = await mkdtemp(join(tmpdir(), "mongokeep-compiled-"));
  process.env.NODE_COMPILE_CACHE = compiled;
}
