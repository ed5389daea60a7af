// The compression of the settings, and of a run with another one on its command line.
import { LEVELS } from "../codec/levels.ts";
import type { Compression, CompressionAlgorithm } from "../codec/codec.ts";
import { KeepError } from "../errors.ts";

/** Level null: the codec's default. @throws KeepError bad-setting if the algorithm has no such level */
export function readCompression(
  algorithm: CompressionAlgorithm,
  level: number | undefined,
): Compression {
  if (level === undefined) return { algorithm, level: null };
  const range = LEVELS[algorithm];
  if (range && level >= range.min && level <= range.max) return { algorithm, level };
  throw new KeepError(
    "bad-setting",
    range
      ? `BACKUP_COMPRESSION_LEVEL (${level}) is not a level of ${algorithm}`
      : "BACKUP_COMPRESSION_LEVEL is set, but BACKUP_COMPRESSION is none",
    {
      hint: range
        ? `A right value is a whole number from ${range.min} to ${range.max}; the default is ${range.default}.`
        : "Remove BACKUP_COMPRESSION_LEVEL.",
      details: { setting: "BACKUP_COMPRESSION_LEVEL" },
    },
  );
}

/** The compression for `--compression`: a level set for another algorithm does not apply. */
export function chooseCompression(
  settings: Compression,
  wanted: CompressionAlgorithm | undefined,
): Compression {
  if (wanted === undefined || wanted === settings.algorithm) return settings;
  return { algorithm: wanted, level: null };
}
