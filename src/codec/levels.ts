// Which levels a compression has, and the one it takes when none is set: the only place that says so.
import type { Compression, CompressionAlgorithm } from "./codec.ts";

export interface LevelRange {
  readonly min: number;
  readonly max: number;
  readonly default: number;
}

/** null: the algorithm has no levels. zstd's 20–22 need windows that stock tools refuse without a flag. */
export const LEVELS: Readonly<Record<CompressionAlgorithm, LevelRange | null>> = {
  gzip: { min: 1, max: 9, default: 5 },
  zstd: { min: 1, max: 19, default: 3 },
  none: null,
};

/** The level that is really used: null in the settings means the algorithm's default. */
export function effectiveLevel({ algorithm, level }: Compression): number | null {
  return level ?? LEVELS[algorithm]?.default ?? null;
}
