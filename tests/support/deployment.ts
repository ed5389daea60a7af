// A deployment as the jobs open it, for tests of the layers below them.
import { openDeployment } from "../../src/mongo/deployment.ts";
import type { Deployment } from "../../src/mongo/deployment.ts";
import type { KeepEvent } from "../../src/events.ts";
import { Secret } from "../../src/util/secret.ts";
import { atEnd } from "./temporary.ts";
import type { Cleanup } from "./temporary.ts";

export interface OpenedForTest {
  readonly deployment: Deployment;
  readonly events: KeepEvent[];
}

export async function deploymentFor(t: Cleanup, uri: string): Promise<OpenedForTest> {
  const events: KeepEvent[] = [];
  const deployment = await openDeployment(new Secret(uri), {
    emit: (event) => events.push(event),
    signal: new AbortController().signal,
  });
  atEnd(t, () => deployment[Symbol.asyncDispose]());
  return { deployment, events };
}
