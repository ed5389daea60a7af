// The engines by their names: an engine that is built is added here and to BUILT of config/engines.ts.
import type { EngineName } from "../archive/manifest.ts";
import { KeepError } from "../errors.ts";
import type { Secret } from "../util/secret.ts";
import type { DumpEngine } from "./engine.ts";
import { createMongodumpEngine } from "./mongodump.ts";
import { nativeEngine } from "./native-engine.ts";

/** What engines need that work through other programs. */
export interface EngineNeeds {
  readonly uri: Secret | null;
}

/** @throws KeepError not-in-this-version */
export function chooseEngine(name: EngineName, needs: EngineNeeds): DumpEngine {
  switch (name) {
    case "native":
      return nativeEngine;
    case "mongodump":
      return createMongodumpEngine(needs.uri);
    case "ejson":
      throw new KeepError("not-in-this-version", `the engine ${name} is not in this version`);
  }
}
