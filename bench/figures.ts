// Turns samples into figures and compares the figures with the targets. Pure.
import { median } from "./measure.ts";
import type { Sample, SampleName } from "./rounds.ts";

export interface Summary {
  readonly name: SampleName;
  readonly seconds: number;
  readonly storedBytes: number | null;
  /** The greatest of all rounds: a limit that holds only in the median is none. */
  readonly peakMegabytes: number | null;
  readonly rounds: number;
}

export interface Figure {
  readonly what: string;
  readonly measured: string;
  readonly target: string;
  readonly pass: boolean;
}

export const MEMORY_LIMIT_MEGABYTES = 300;
const GROWTH_LIMIT = 0.1;

/** Medians by name, in the order in which the names were first seen. */
export function summarize(samples: readonly Sample[]): Summary[] {
  const names = [...new Set(samples.map(({ name }) => name))];
  return names.map((name) => {
    const own = samples.filter((sample) => sample.name === name);
    const stored = own.flatMap(({ storedBytes }) => storedBytes ?? []);
    const peaks = own.flatMap(({ peakMegabytes }) => peakMegabytes ?? []);
    return {
      name,
      seconds: median(own.map(({ seconds }) => seconds)),
      storedBytes: stored.length > 0 ? median(stored) : null,
      peakMegabytes: peaks.length > 0 ? Math.max(...peaks) : null,
      rounds: own.length,
    };
  });
}

/** The rows of the table for which there are summaries. */
export function judge(summaries: readonly Summary[]): Figure[] {
  const find = (name: SampleName) => summaries.find((summary) => summary.name === name);
  const [dump, gzip, zstd] = [
    find("mongodump --gzip"),
    find("mongokeep backup gzip"),
    find("mongokeep backup zstd"),
  ];
  return [
    ...faster("backup gzip against mongodump --gzip", dump, gzip, 2.8),
    ...smaller("stored size, gzip", dump, gzip, 1.02),
    ...faster("backup zstd against mongodump --gzip", dump, zstd, 5),
    ...smaller("stored size, zstd", dump, zstd, 0.92),
    ...faster(
      "restore, proved, against mongorestore --gzip --drop",
      find("mongorestore --gzip --drop"),
      find("mongokeep restore"),
      1.5,
    ),
    ...share("verify full, gzip", gzip, find("mongokeep verify gzip"), 1 / 3, "1/3"),
    ...share("verify full, zstd", zstd, find("mongokeep verify zstd"), 2 / 3, "2/3"),
    ...summaries.flatMap(peak),
  ];
}

/** How much more memory the large set took than the small one, per command. */
export function judgeGrowth(small: readonly Summary[], large: readonly Summary[]): Figure[] {
  return large.flatMap(({ name, peakMegabytes }) => {
    const before = small.find((summary) => summary.name === name)?.peakMegabytes ?? null;
    if (!name.startsWith("mongokeep") || before === null || peakMegabytes === null) return [];
    const growth = peakMegabytes / before - 1;
    return [
      {
        what: `memory of ${name} at tenfold data`,
        measured: `${growth >= 0 ? "+" : ""}${(growth * 100).toFixed(0)} % (${before.toFixed(0)} → ${peakMegabytes.toFixed(0)} MB)`,
        target: "≤ +10 %",
        pass: peakMegabytes <= before * (1 + GROWTH_LIMIT),
      },
    ];
  });
}

/** A limit in seconds. */
export function judgeSeconds(what: string, seconds: number, limit: number): Figure {
  return {
    what,
    measured: `${seconds.toFixed(3)} s`,
    target: `≤ ${limit} s`,
    pass: seconds <= limit,
  };
}

type Maybe = Summary | undefined;

function faster(what: string, theirs: Maybe, ours: Maybe, least: number): Figure[] {
  if (!theirs || !ours) return [];
  const ratio = theirs.seconds / ours.seconds;
  return [{ what, measured: `${ratio.toFixed(2)}×`, target: `≥ ${least}×`, pass: ratio >= least }];
}

function smaller(what: string, theirs: Maybe, ours: Maybe, most: number): Figure[] {
  if (!theirs?.storedBytes || !ours?.storedBytes) return [];
  const ratio = ours.storedBytes / theirs.storedBytes;
  return [
    { what, measured: `${ratio.toFixed(3)} of its`, target: `≤ ${most}`, pass: ratio <= most },
  ];
}

function share(what: string, whole: Maybe, part: Maybe, most: number, mostWords: string): Figure[] {
  if (!whole || !part) return [];
  const ratio = part.seconds / whole.seconds;
  const measured = `${ratio.toFixed(2)} of the backup's time`;
  return [{ what, measured, target: `≤ ${mostWords}`, pass: ratio <= most }];
}

function peak({ name, peakMegabytes }: Summary): Figure[] {
  if (!name.startsWith("mongokeep") || peakMegabytes === null) return [];
  return [
    {
      what: `peak memory of ${name}`,
      measured: `${peakMegabytes.toFixed(0)} MB`,
      target: `≤ ${MEMORY_LIMIT_MEGABYTES} MB`,
      pass: peakMegabytes <= MEMORY_LIMIT_MEGABYTES,
    },
  ];
}
