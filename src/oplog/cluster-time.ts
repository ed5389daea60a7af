// Cluster times in their order, and as people read them. Pure.
import type { ClusterTime } from "../mongo/server-info.ts";

/** Negative, 0 or positive. */
export const compareTimes = (a: ClusterTime, b: ClusterTime): number => a.t - b.t || a.i - b.i;

/** As mongosh takes it: Timestamp(1700000000, 1). */
export const formatTime = ({ t, i }: ClusterTime): string => `Timestamp(${t}, ${i})`;
