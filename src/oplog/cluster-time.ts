// Cluster times: their order, and their text form. Pure.
import type { ClusterTime } from "../mongo/server-info.ts";

/** Negative, 0 or positive. */
export const compareTimes = (a: ClusterTime, b: ClusterTime): number => a.t - b.t || a.i - b.i;

/** In mongosh's form: Timestamp(1700000000, 1). */
export const formatTime = ({ t, i }: ClusterTime): string => `Timestamp(${t}, ${i})`;
