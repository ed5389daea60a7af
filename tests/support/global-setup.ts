// For `node --test --test-global-setup`: starts the servers that all test files share, once, and stops them.
// Test files are child processes and inherit the environment that is set here.
import type { ThrowawayMongod } from "../../src/tools/throwaway-mongod.ts";
import { mongod, SHARED_SHAPES, startShared } from "./servers.ts";

const started: ThrowawayMongod[] = [];

export async function globalSetup(): Promise<void> {
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
}
