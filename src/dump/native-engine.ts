// Our own engines: documents off the wire, several chunks compressed at once, one instant where there is one.
// `native` keeps them as they are, `ejson` writes each as a line that people and other programs read.
import type { Encoding } from "../archive/layout.ts";
import { effectiveLevel } from "../codec/levels.ts";
import type { DumpEngine } from "./engine.ts";
import { watchLocks, withinWaitLimits } from "./wait-limits.ts";
import { dumpDatabases } from "./native.ts";
import { READ_LIMITS } from "./read-watch.ts";

export const nativeEngine = createEngine("native", "bson");

/** Refuses a document that its line would not give back byte for byte. */
export const ejsonEngine = createEngine("ejson", "ejson");

function createEngine(name: "native" | "ejson", encoding: Encoding): DumpEngine {
  return {
    name,
    async dump(deployment, partial, options, context) {
      const limits = options.limits ?? READ_LIMITS;
      const watched = watchLocks(deployment.client);
      const dumped = await withinWaitLimits(limits, context, watched, (signal) =>
        dumpDatabases(deployment, partial, { ...options, encoding }, { ...context, signal }),
      );
      const { compression } = options;
      return {
        ...dumped,
        engine: name,
        compression: { ...compression, level: effectiveLevel(compression) },
      };
    },
  };
}
