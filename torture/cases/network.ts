// A bad network during a backup: connections are reset, stand still, are slow, send single bytes, or are closed at the
// nth command. The backup is complete, or there is none and the reason is reported in time.
import assert from "node:assert/strict";
import { MongoClient } from "mongodb";
import { ownServer } from "../../tests/support/servers.ts";
import { startTcpProxy } from "../../tests/support/tcp-proxy.ts";
import type { TcpProxy } from "../../tests/support/tcp-proxy.ts";
import type { Random } from "../../tests/support/random.ts";
import { BUILT, createTarget, fillTarget } from "../program/attack.ts";
import type { Target } from "../program/attack.ts";
import type { Ground } from "../runner/ground.ts";
import type { TortureCase } from "../runner/case.ts";
import { createJudge } from "../runner/judge.ts";

/** mongokeep gives a silent server two minutes, and tries again what can be. */
const LIMIT_MS = 600_000;
const MEGABYTES = 1;
const BYTES = MEGABYTES * 1.2e6;
/** A connection reads two of four collections. */
const PER_CONNECTION = 0.6;

interface Bed {
  readonly target: Target;
  readonly proxy: TcpProxy;
  readonly client: MongoClient;
}

/** Makes the network bad for the next backup; returns how to make it good again. */
type Spoil = (bed: Bed, random: Random) => Promise<() => Promise<void>>;

const mended = (proxy: TcpProxy) => () => {
  for (const name of Object.keys(proxy.faults)) Reflect.deleteProperty(proxy.faults, name);
  proxy.cutAll();
  return Promise.resolve();
};

const SPOILS: Readonly<Record<string, Spoil>> = {
  reset: ({ proxy }, random) => {
    proxy.faults.cutAfterBytes = Math.floor(random.unit() * BYTES * PER_CONNECTION);
    return Promise.resolve(mended(proxy));
  },
  "reset once": ({ proxy }, random) => {
    proxy.faults.cutAfterBytes = Math.floor(random.unit() * BYTES * PER_CONNECTION);
    const cuts = proxy.cuts();
    const watch = setInterval(() => {
      if (proxy.cuts() > cuts) delete proxy.faults.cutAfterBytes;
    }, 1);
    const mend = mended(proxy);
    return Promise.resolve(() => {
      clearInterval(watch);
      return mend();
    });
  },
  throttled: ({ proxy }, random) => {
    proxy.faults.bytesPerSecond = 1e6 + random.below(4e6);
    return Promise.resolve(mended(proxy));
  },
  "one byte at a time": ({ proxy }) => {
    proxy.faults.oneByteAtATime = true;
    return Promise.resolve(mended(proxy));
  },
  "half-open": ({ proxy }, random) => {
    proxy.faults.stallAfterBytes = Math.floor(random.unit() * BYTES);
    return Promise.resolve(mended(proxy));
  },
  "closed at a command": async ({ client }, random) => {
    const commands = [random.pick(["find", "getMore", "listCollections", "listIndexes", "hello"])];
    const mode = { skip: random.below(12) };
    await failPoint(client, mode, { closeConnection: true, failCommands: commands });
    return () => failPoint(client, "off", {});
  },
};

/** Two minutes each: the time limit for a silent server. */
const SLOW = "half-open";

export const network: TortureCase = {
  name: "network",
  fault: "connections reset, half-open, throttled, one byte at a time, closed at the nth command",
  holds: "never good unless whole; a clear message within the time-out; the next run succeeds",
  trials: { full: 500, quick: 40 },
  async prepare(ground) {
    const { bed, truth, judge } = await prepareBed(ground);
    const { place } = bed.target;
    const kinds = Object.keys(SPOILS).filter((kind) => !ground.quick || kind !== SLOW);
    return {
      async run({ random }) {
        const kind = random.pick(kinds);
        const mend = await SPOILS[kind]?.(bed, random);
        const { code, stdout, stderr } = await place.run(["backup", "--json"], {
          ...BUILT,
          timeoutMs: LIMIT_MS,
        });
        await mend?.();
        const shown = `exit ${String(code)}: ${stdout}${stderr}`;
        assert.ok([0, 1, 6].includes(code ?? -1), shown);
        const good = await judge.good();
        const said = JSON.parse(stdout) as { id: string; error?: { code: string; hint: string } };
        if (code === 0) await judge.restores(said.id, truth);
        else assert.deepEqual(good, [], shown);
        assert.notEqual(said.error?.hint, "", shown);
        for (const { id } of good) await place.run(["delete", id, "--confirm"], BUILT);
        return `${kind}: ${said.error?.code ?? (/resum/i.test(stderr) ? "whole, resumed" : "whole")}`;
      },
      async end() {
        const run = await place.run(["backup", "--json"], BUILT);
        assert.equal(run.code, 0, run.stderr);
        await judge.newestIsWhole(truth);
      },
    };
  },
};

async function prepareBed(ground: Ground) {
  const server = await ownServer(ground, { topology: "replicaSet", testCommands: true });
  const to = { host: "127.0.0.1", port: server.port };
  const proxy = await startTcpProxy(ground, { to });
  const client = await new MongoClient(server.uri).connect();
  ground.after(() => client.close());
  const target = await createTarget(ground, {}, server.uri);
  await fillTarget(target.db, ground.random, MEGABYTES);
  const uri = proxy.through(server.uri.replace("/?", `/${target.database}?`));
  await target.place.writeEnv({ MONGODB_URI: uri });
  const judge = await createJudge(ground, target.place, target.database);
  return { bed: { target, proxy, client }, truth: await target.hashes(), judge };
}

async function failPoint(client: MongoClient, mode: unknown, data: object): Promise<void> {
  const only = { appName: "mongokeep", ...data };
  await client.db("admin").command({ configureFailPoint: "failCommand", mode, data: only });
}
