// Nights with clocks that are wrong, change, or count in an unusual way. A time with an offset is the one that the
// machine shows; if it is wrong, the row says so.
import { Temporal } from "temporal-polyfill";

export interface Step {
  /** ISO 8601 with an offset, or days from the real today: "today-60 02:00". */
  readonly at: string;
  readonly run?: "backup" | "manual" | "cleanup";
  /** Of the clock, after a part of the time that such a run takes. */
  readonly jump?: { readonly part: number; readonly byMs: number };
}

export interface ClockRow {
  readonly name: string;
  readonly zone: string;
  readonly steps: readonly Step[];
  /** The right time at the end. Default: that of the last step. */
  readonly right?: string;
}

const DAY_MS = 86_400_000;
const BERLIN = "Europe/Berlin";
const NEW_YORK = "America/New_York";
const LORD_HOWE = "Australia/Lord_Howe";

const nights = (...moments: readonly string[]): Step[] => moments.map((at) => ({ at }));
const cleanup = (at: string): Step => ({ at, run: "cleanup" });
const jumping = (at: string, days: number, part: number): Step => ({
  at,
  jump: { part, byMs: days * DAY_MS },
});

export const CLOCK_ROWS: readonly ClockRow[] = [
  {
    name: "ten days back for two nights, then right",
    zone: BERLIN,
    steps: nights(
      "2026-11-23T02:00+01:00",
      "2026-11-14T02:00+01:00",
      "2026-11-15T02:00+01:00",
      "2026-11-26T02:00+01:00",
    ),
  },
  {
    name: "ten days back, and cleanup by the right clock before the next backup",
    zone: BERLIN,
    steps: [
      ...nights("2026-11-23T02:00+01:00", "2026-11-14T02:00+01:00"),
      cleanup("2026-11-24T10:00+01:00"),
    ],
  },
  {
    name: "42 days ahead for two nights, then right",
    zone: BERLIN,
    steps: [
      ...nights(
        "2026-11-23T02:00+01:00",
        "2027-01-05T02:00+01:00",
        "2027-01-06T02:00+01:00",
        "2026-11-26T02:00+01:00",
      ),
      cleanup("2026-11-26T10:00+01:00"),
    ],
  },
  {
    name: "42 days ahead, and only cleanup",
    zone: NEW_YORK,
    steps: [
      ...nights("2026-11-23T02:00-05:00"),
      cleanup("2027-01-04T02:00-05:00"),
      cleanup("2026-11-23T10:00-05:00"),
    ],
  },
  {
    name: "ten days back while it dumps",
    zone: BERLIN,
    steps: [
      ...nights("2026-11-23T02:00+01:00"),
      jumping("2026-11-24T02:00+01:00", -10, 0.5),
      cleanup("2026-11-24T10:00+01:00"),
    ],
  },
  {
    name: "42 days ahead while it dumps",
    zone: BERLIN,
    steps: [
      ...nights("2026-11-23T02:00+01:00"),
      jumping("2026-11-24T02:00+01:00", 42, 0.5),
      cleanup("2026-11-24T10:00+01:00"),
    ],
  },
  {
    name: "ten days back while it verifies",
    zone: BERLIN,
    steps: [
      ...nights("2026-11-23T02:00+01:00"),
      jumping("2026-11-24T02:00+01:00", -10, 0.8),
      ...nights("2026-11-25T02:00+01:00"),
    ],
  },
  {
    name: "42 days ahead while it verifies",
    zone: BERLIN,
    steps: [
      ...nights("2026-11-23T02:00+01:00"),
      jumping("2026-11-24T02:00+01:00", 42, 0.8),
      ...nights("2026-11-25T02:00+01:00"),
    ],
  },
  {
    name: "back to 1970, as with an empty battery",
    zone: BERLIN,
    steps: [
      ...nights("2026-11-23T02:00+01:00", "1970-01-01T01:00:10+01:00", "2026-11-24T02:00+01:00"),
    ],
  },
  {
    name: "a second back each time",
    zone: BERLIN,
    steps: nights(
      "2026-11-23T02:00:03+01:00",
      "2026-11-23T02:00:02+01:00",
      "2026-11-23T02:00:01+01:00",
    ),
  },
  {
    name: "the same second each time",
    zone: BERLIN,
    steps: nights("2026-11-23T02:00+01:00", "2026-11-23T02:00+01:00", "2026-11-23T02:00+01:00"),
  },
  // Daylight saving.
  {
    name: "summer time begins in Berlin",
    zone: BERLIN,
    steps: nights(
      "2026-03-28T02:30+01:00",
      "2026-03-29T01:59:59+01:00",
      "2026-03-29T03:00+02:00",
      "2026-03-30T02:30+02:00",
    ),
  },
  {
    name: "summer time ends in Berlin",
    zone: BERLIN,
    steps: nights(
      "2026-10-24T02:30+02:00",
      "2026-10-25T02:30+02:00",
      "2026-10-25T02:30+01:00",
      "2026-10-25T02:30:01+01:00",
      "2026-10-26T02:30+01:00",
    ),
  },
  {
    name: "summer time begins in New York",
    zone: NEW_YORK,
    steps: nights(
      "2026-03-07T02:30-05:00",
      "2026-03-08T01:59:59-05:00",
      "2026-03-08T03:00-04:00",
      "2026-03-09T02:30-04:00",
    ),
  },
  {
    name: "summer time ends in New York",
    zone: NEW_YORK,
    steps: nights(
      "2026-10-31T01:30-04:00",
      "2026-11-01T01:30-04:00",
      "2026-11-01T01:30-05:00",
      "2026-11-02T01:30-05:00",
    ),
  },
  {
    name: "summer time begins on Lord Howe, by half an hour",
    zone: LORD_HOWE,
    steps: nights(
      "2026-10-03T02:15+10:30",
      "2026-10-04T01:59:59+10:30",
      "2026-10-04T02:30+11:00",
      "2026-10-05T02:15+11:00",
    ),
  },
  {
    name: "summer time ends on Lord Howe, by half an hour",
    zone: LORD_HOWE,
    steps: nights(
      "2026-04-04T01:45+11:00",
      "2026-04-05T01:45+11:00",
      "2026-04-05T01:45+10:30",
      "2026-04-06T01:45+10:30",
    ),
  },
  // Calendars.
  {
    name: "a leap day",
    zone: BERLIN,
    steps: nights(
      "2028-02-28T23:59:59+01:00",
      "2028-02-29T00:00+01:00",
      "2028-02-29T23:59:59+01:00",
      "2028-03-01T02:00+01:00",
    ),
  },
  {
    name: "no leap day in 2100",
    zone: NEW_YORK,
    steps: nights("2100-02-28T23:59:58-05:00", "2100-03-01T00:00-05:00"),
  },
  {
    name: "the end of a year with 53 weeks",
    zone: BERLIN,
    steps: nights(
      "2026-12-31T23:59:59+01:00",
      "2027-01-01T00:00:01+01:00",
      "2027-01-04T02:00+01:00",
    ),
  },
  {
    name: "the end of 32 bits of seconds",
    zone: BERLIN,
    steps: [
      ...nights("2038-01-19T03:14:06Z", "2038-01-19T03:14:08Z", "2038-01-20T02:00Z"),
      cleanup("2038-02-20T02:00Z"),
    ],
  },
  {
    name: "the end of 32 bits without a sign",
    zone: NEW_YORK,
    steps: nights("2106-02-07T06:28:14Z", "2106-02-07T06:28:17Z"),
  },
];

/** The moment of a step, in milliseconds. */
export function momentOfStep({ at }: Step, zone: string): number {
  const [, days, time] = /^today([+-]\d+) (\S+)$/.exec(at) ?? [];
  if (days === undefined || time === undefined) return Date.parse(at);
  const today = Temporal.Now.plainDateISO(zone).add({ days: Number(days) });
  return today.toZonedDateTime({ timeZone: zone, plainTime: time }).epochMilliseconds;
}
