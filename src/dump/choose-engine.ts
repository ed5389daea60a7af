// The engines by their names.
import type { EngineName } from "../archive/manifest.ts";
import type { Secret } from "../util/secret.ts";
import type { DumpEngine } from "./engine.ts";
import { createMongodumpEngine } from "./mongodump.ts";
import { ejsonEngine, nativeEngine } from "./native-engine.ts";

/** What engines need that work through other programs. */
export interface EngineNeeds {
  readonly uri: Secret | null;
}

export function chooseEngine(name: EngineName, needs: EngineNeeds): DumpEngine {
  switch (name) {
    case "native":
      return nativeEngine;
    case "mongodump":
      return createMongodumpEngine(needs.uri);
    case "ejson":
      return ejsonEngine;
  }
}
