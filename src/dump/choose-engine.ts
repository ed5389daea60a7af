// The engines by their names.
import type { EngineName } from "../archive/manifest.ts";
import type { DumpEngine } from "./engine.ts";
import { mongodumpEngine } from "./mongodump.ts";
import { ejsonEngine, nativeEngine } from "./native-engine.ts";

export function chooseEngine(name: EngineName): DumpEngine {
  switch (name) {
    case "native":
      return nativeEngine;
    case "mongodump":
      return mongodumpEngine;
    case "ejson":
      return ejsonEngine;
  }
}
