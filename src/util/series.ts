// The series of a MongoDB version ("7.0" of "7.0.14"), which decides who can read whose files. Pure.
/** A release series: [6, 0] for 6.0.5. Data format and options may differ between series. */
export type Series = readonly [major: number, minor: number];

export const showSeries = ([major, minor]: Series) => `${major}.${minor}`;

export const isBefore = (a: Series, b: Series) => a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);

/** null for text that does not begin with a version: an unknown version is no reason to refuse. */
export function seriesOf(version: string | null): Series | null {
  const found = /^(\d{1,4})\.(\d{1,4})/.exec(version ?? "");
  return found ? [Number(found[1]), Number(found[2])] : null;
}

/** Whether `version` belongs to an older series than `other`; false if one is unknown. */
export function isOlder(version: string | null, other: string | null): boolean {
  const [a, b] = [seriesOf(version), seriesOf(other)];
  return a !== null && b !== null && isBefore(a, b);
}
