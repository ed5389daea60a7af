// The servers that every other end-to-end test stands on: each shape starts, answers, and is gone afterwards.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, resolve } from "node:path";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { MongoClient } from "mongodb";
import { KeepError } from "../../src/errors.ts";
import { startMongod } from "../../src/tools/throwaway-mongod.ts";
import { mongod, ownServer, ROOT, tlsServer } from "../support/servers.ts";

const PATIENCE_MS = 60_000;

for (const topology of ["standalone", "replicaSet"] as const) {
  for (const auth of [undefined, ROOT]) {
    const login = auth ? "with a login" : "without a login";
    test(`a ${topology} ${login} takes writes through its URI and leaves nothing behind`, async (t) => {
      const server = await ownServer(t, { topology, ...(auth ? { auth } : {}) });
      assert.ok(server.port < 32_768);
      assert.deepEqual(await writeAndDescribe(server.uri), {
        setName: topology === "replicaSet" ? "mongokeep" : undefined,
        documents: 1,
      });
      await server.stop();
      await server.stop();
      assert.equal(isAlive(server.pid), false);
      assert.equal(existsSync(dirname(server.dbPath)), false);
    });
  }
  test(`a ${topology} with TLS and a login answers those who trust its authority, and nobody else`, async (t) => {
    const { server, certificates } = await tlsServer(t, { topology, auth: ROOT });
    assert.equal((await writeAndDescribe(server.uri)).documents, 1);
    const distrusting = server.uri.replace(
      encodeURIComponent(certificates.caFile),
      encodeURIComponent(certificates.strangerCaFile),
    );
    await assert.rejects(writeAndDescribe(distrusting, 1_500), /self-signed|unable to verify/);
    await assert.rejects(writeAndDescribe(server.uri.replace("tls=true", "tls=false"), 1_500));
  });
}

test("a server with a login refuses who has none", async (t) => {
  const server = await ownServer(t, { topology: "standalone", auth: ROOT });
  await assert.rejects(writeAndDescribe(`mongodb://127.0.0.1:${server.port}/`), /requires auth/);
});

test("a server on a port that is taken fails with the port in its message", async (t) => {
  const squatter = createServer().listen(0, "127.0.0.1");
  await once(squatter, "listening");
  t.after(() => {
    squatter.close();
  });
  const address = squatter.address();
  assert.ok(typeof address === "object" && address !== null);
  await assert.rejects(
    startMongod({ binary: (await mongod()).path, topology: "standalone", port: address.port }),
    (error) => error instanceof KeepError && error.message.includes(String(address.port)),
  );
});

test("a program that is no mongod fails as such", async () => {
  await assert.rejects(
    startMongod({ binary: "/nowhere/mongod", topology: "standalone" }),
    (error) => error instanceof KeepError && error.code === "mongod-missing",
  );
});

test("a killed server leaves its data until it is stopped", async (t) => {
  const server = await ownServer(t, { topology: "standalone" });
  await server.kill();
  assert.equal(isAlive(server.pid), false);
  assert.ok(existsSync(server.dbPath));
  await server.stop();
  assert.equal(existsSync(server.dbPath), false);
});

for (const how of ["SIGKILL", "SIGTERM", "SIGINT", "exit"] as const) {
  test(`a server does not outlive the process that started it, ended by ${how}`, async () => {
    const { pid, dbPath } = await startInProcessThatEnds(how);
    await until(() => !isAlive(pid) && !existsSync(dirname(dbPath)));
  });
}

async function writeAndDescribe(
  uri: string,
  serverSelectionTimeoutMS = PATIENCE_MS,
): Promise<{ setName: unknown; documents: number }> {
  await using client = new MongoClient(uri, { serverSelectionTimeoutMS });
  const operations = client.db("surg").collection("operations");
  await operations.insertOne({ kind: "appendectomy" });
  const { setName } = await client.db("admin").command({ hello: 1 });
  return { setName, documents: await operations.countDocuments() };
}

/** A process of its own starts a server, tells its pid and folder, and ends in that way. */
async function startInProcessThatEnds(how: string): Promise<{ pid: number; dbPath: string }> {
  const script = resolve(import.meta.dirname, "start-and-end.ts");
  const { path } = await mongod();
  const child = spawn(process.execPath, [script, path, how], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(child, "close");
  return JSON.parse(Buffer.concat(chunks).toString()) as { pid: number; dbPath: string };
}

async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    assert.ok(performance.now() < deadline, "still there");
    await sleep(20);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ESRCH");
    return false;
  }
}
