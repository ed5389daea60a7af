// Our own engine: raw documents off the wire, several chunks compressed at once, one instant where there is one.
import { effectiveLevel } from "../codec/levels.ts";
import type { DumpEngine } from "./engine.ts";
import { dumpDatabases } from "./native.ts";

export const nativeEngine: DumpEngine = {
  name: "native",
  async dump(deployment, partial, options, context) {
    const dumped = await dumpDatabases(deployment, partial, options, context);
    const { compression } = options;
    return {
      ...dumped,
      engine: "native",
      compression: { ...compression, level: effectiveLevel(compression) },
    };
  },
};
