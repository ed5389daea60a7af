// What must hold for the entries of a backup's oplog, beside that they are sound documents. Pure.
import type { Consistency } from "../archive/manifest.ts";
import { compareTimes, formatTime } from "../oplog/cluster-time.ts";
import { glance } from "../oplog/glance.ts";

/** Sees each entry in its turn; says what is wrong with it, or null. */
export function createOplogCheck({ to }: Consistency): (entry: Buffer) => string | null {
  let last = { t: 0, i: 0 };
  return (entry) => {
    const { ts, op } = glance(entry, 0);
    if (ts.t === 0 || op === "") return "is no entry of an oplog";
    // Operations of one transaction may share their time.
    if (compareTimes(ts, last) < 0) return `is older (${formatTime(ts)}) than the one before it`;
    if (to && compareTimes(ts, to) > 0)
      return `is newer (${formatTime(ts)}) than the manifest says`;
    last = ts;
    return null;
  };
}
