// Backups over a network that breaks: what was read is read on at the same instant, or read again, or the
// failure is clear; never is a document twice in a backup, or missing.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Document } from "mongodb";
import { dbHash } from "../support/fidelity.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { createRandom } from "../support/random.ts";
import { requires } from "../support/requires.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import type { TcpProxy, TcpProxyOptions } from "../support/tcp-proxy.ts";
import { workspace } from "../support/workspace.ts";

const MB = 1024 * 1024;

/** About 24 MB that do not compress, in documents of very different sizes. */
async function fill({ db }: FreshDatabase, name = "scans"): Promise<void> {
  const random = createRandom(7);
  const scans = Array.from({ length: 2_400 }, (_, n): Document => {
    const noise = randomBytes(random.below(20_000));
    return { _id: (n * 7_919) % 100_003, v: 1, noise };
  });
  await db.collection(name).insertMany(scans);
}

async function through(t: TestContext, fresh: FreshDatabase, options: Omit<TcpProxyOptions, "to">) {
  const { hostname, port } = new URL(fresh.uri);
  const proxy = await startTcpProxy(t, { to: { host: hostname, port: Number(port) }, ...options });
  const place = await workspace(t, {
    MONGODB_URI: proxy.through(fresh.uri),
    BACKUP_COMPRESSION: "none",
  });
  return { proxy, place };
}

/** Cuts connections one after the other at these numbers of bytes, then no more. */
async function cutting(t: TestContext, fresh: FreshDatabase, positions: readonly number[]) {
  const made: { proxy?: TcpProxy } = {};
  const rest = [...positions];
  const next = () => {
    if (made.proxy) made.proxy.faults.cutAfterBytes = rest.shift();
  };
  const opened = await through(t, fresh, { faults: { cutAfterBytes: rest.shift() }, onCut: next });
  made.proxy = opened.proxy;
  return opened;
}

/** Turns of the writer, 0.3 MB of oplog each. */
const BEFORE_LAST_CUT = 6;

const count = (text: string, what: RegExp) => [...text.matchAll(new RegExp(what, "g"))].length;

requires(
  { topology: "replicaSet", server: ">=5", alone: true },
  "a connection that is cut four times is read on at the same instant, while documents are changed and deleted",
  async (t, fresh) => {
    await fill(fresh);
    const before = await dbHash(fresh.client, fresh.name);
    const random = createRandom(Math.floor(Math.random() * 1e9));
    const positions = Array.from({ length: 4 }, () => 2.5 * MB + random.below(2.5 * MB));
    const { proxy, place } = await cutting(t, fresh, positions);
    t.diagnostic(`cut at ${positions.join(", ")}`);
    const scans = fresh.db.collection<{ _id: number }>("scans");
    const changing = { on: true };
    const writer = (async () => {
      while (proxy.cuts() === 0 && changing.on) await sleep(5);
      for (let n = 0; changing.on; n = (n + 1) % 20) {
        // Otherwise the connection that follows the oplog would take more than one of the cuts.
        if (n >= BEFORE_LAST_CUT && proxy.cuts() < positions.length - 1) {
          n--;
          await sleep(5);
          continue;
        }
        const tenth = { _id: { $mod: [20, n] } } as never;
        await scans.updateMany(tenth, { $inc: { v: 1 }, $set: { grown: "x".repeat(2_000) } });
        if (n % 2 === 0) await scans.deleteMany({ _id: { $mod: [40, n] } } as never);
        await scans.insertOne({ _id: 1_000_000 + Math.floor(Math.random() * 1e9) });
      }
    })();
    const backup = await place.run(["backup", "--json"]);
    changing.on = false;
    await writer;
    assert.equal(backup.code, 0, backup.stdout + backup.stderr);
    assert.equal(proxy.cuts(), positions.length);
    // The last one may hit the connection that follows the oplog, which goes on without a word.
    assert.ok(count(backup.stderr, /resumed at the same instant/) >= 3, backup.stderr);
    assert.equal(backup.json().consistency.mode, "snapshot");
    assert.notDeepEqual(await dbHash(fresh.client, fresh.name), before, "it did change meanwhile");
    await fresh.db.dropDatabase();
    await place.writeEnv({ MONGODB_URI: fresh.uri });
    const restored = await place.run(["restore", "latest", "--confirm", "--json"]);
    assert.equal(restored.code, 0, restored.stdout + restored.stderr);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), before);
  },
);

requires(
  { topology: "standalone" },
  "without an instant a collection whose connection is cut is read again from its start",
  async (t, fresh) => {
    await fill(fresh);
    await fresh.db.createCollection("log", { capped: true, size: 4 * MB });
    await fresh.db.collection("log").insertMany([{ n: 2 }, { n: 1 }]);
    const before = await dbHash(fresh.client, fresh.name);
    const { proxy, place } = await cutting(t, fresh, [4 * MB, 7 * MB]);
    const backup = await place.run(["backup", "--json"]);
    assert.equal(backup.code, 0, backup.stdout + backup.stderr);
    assert.equal(proxy.cuts(), 2);
    assert.equal(count(backup.stderr, /scans: .* read again from its start/), 2);
    assert.equal(backup.json().consistency.mode, "none");
    await fresh.db.dropDatabase();
    await place.writeEnv({ MONGODB_URI: fresh.uri });
    const restored = await place.run(["restore", "latest", "--confirm", "--json"]);
    assert.equal(restored.code, 0, restored.stdout + restored.stderr);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), before);
  },
);

requires(
  { topology: "replicaSet", server: ">=5" },
  "a server that goes away for good is exit 6 with its name, and leaves nothing that looks like a backup",
  async (t, fresh) => {
    await fill(fresh);
    const made: { proxy?: TcpProxy } = {};
    const { proxy, place } = await through(t, fresh, {
      faults: { cutAfterBytes: 5 * MB },
      onCut: () => {
        if (!made.proxy) return;
        made.proxy.faults.refuse = true;
        made.proxy.cutAll();
      },
    });
    made.proxy = proxy;
    const uri = `${proxy.through(fresh.uri)}&serverSelectionTimeoutMS=5000`;
    await place.writeEnv({ MONGODB_URI: uri, BACKUP_COMPRESSION: "none" });
    const backup = await place.run(["backup", "--json"]);
    assert.equal(backup.code, 6, backup.stdout + backup.stderr);
    const { error } = backup.json();
    assert.equal(error.code, "unreachable");
    assert.match(error.message, /scans: .*127\.0\.0\.1:.*, and it did not come back for good/);
    assert.deepEqual(
      (await place.backupNames()).filter((name) => /\d{4}-/.test(name)),
      [],
    );
    const list = await place.run(["list", "--json"]);
    assert.deepEqual(list.json().backups, []);
  },
);

requires(
  { topology: "replicaSet", server: ">=5" },
  "a connection that is cut at every few megabytes gets to the end, because each read gets further",
  async (t, fresh) => {
    await fill(fresh);
    const before = await dbHash(fresh.client, fresh.name);
    const { proxy, place } = await through(t, fresh, { faults: { cutAfterBytes: 6 * MB } });
    const backup = await place.run(["backup", "--json"]);
    assert.equal(backup.code, 0, backup.stdout + backup.stderr);
    assert.ok(proxy.cuts() >= 3, `${proxy.cuts()} cuts`);
    await fresh.db.dropDatabase();
    await place.writeEnv({ MONGODB_URI: fresh.uri });
    assert.equal((await place.run(["restore", "latest", "--confirm", "--json"])).code, 0);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), before);
  },
);
