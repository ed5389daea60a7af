// Tests that need a certain server say so in their name, and are skipped, counted, where it is not to be had.
import { test } from "node:test";
import type { TestContext } from "node:test";
import { freshDatabase } from "./fresh-database.ts";
import type { FreshDatabase } from "./fresh-database.ts";
import { mongod, ownLikeShared, replicaSet, standaloneWithAuth } from "./servers.ts";
import type { Cleanup } from "./temporary.ts";

export interface Need {
  /** Which of the shared servers. */
  readonly topology: "replicaSet" | "standalone";
  /**
   * On a server of its own, because other tests would disturb it: it looks at the whole server (its oplog, its open
   * cursors), or restores accounts, which go through one collection whose name is the same for all.
   */
  readonly alone?: true;
  /** Least version, like ">=5.0". */
  readonly server?: `>=${number}`;
}

/**
 * A test on its own database of a shared server, called `<name> [replica set, server >=5.0]`.
 */
export function requires(
  need: Need,
  name: string,
  body: (t: TestContext, fresh: FreshDatabase) => Promise<void>,
): void {
  void test(`${name} [${describeNeed(need)}]`, async (t) => {
    const { version } = await mongod();
    if (!meetsVersion(need.server, version)) {
      t.skip(`needs server ${need.server ?? ""}, this is ${version}`);
      return;
    }
    const uri = await serverFor(t, need);
    await body(t, await freshDatabase(t, uri));
  });
}

async function serverFor(t: Cleanup, { topology, alone }: Need): Promise<string> {
  if (alone) return await ownLikeShared(t, topology);
  return await (topology === "replicaSet" ? replicaSet() : standaloneWithAuth());
}

function describeNeed({ topology, server }: Need): string {
  const words = topology === "replicaSet" ? "replica set" : "standalone with login";
  return server === undefined ? words : `${words}, server ${server}`;
}

/** Whether `version` is at least what `least` (">=5.0") asks for. */
export function meetsVersion(least: string | undefined, version: string): boolean {
  const [needMajor = 0, needMinor = 0] = (least ?? ">=0").slice(2).split(".").map(Number);
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > needMajor || (major === needMajor && minor >= needMinor);
}
