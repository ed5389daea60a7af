// The five fields of a cron line, checked strictly as cron reads them (croner also accepts L, W, # and seconds, which
// cron does not), and the next time that they give.
import { Cron } from "croner";
import { KeepError } from "../errors.ts";

/** The values of each field, ascending; weekdays 0 (Sunday) to 6. */
export interface CronFields {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly days: readonly number[];
  readonly months: readonly number[];
  readonly weekdays: readonly number[];
  /** cron runs on a day that matches either field if both days and weekdays are limited (neither starts with *). */
  readonly eitherDay: boolean;
}

interface FieldRule {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly words: readonly string[];
}

const MONTHS = ["", ..."jan feb mar apr may jun jul aug sep oct nov dec".split(" ")];
const WEEKDAYS = "sun mon tue wed thu fri sat".split(" ");
const RULES: readonly FieldRule[] = [
  { name: "minute", min: 0, max: 59, words: [] },
  { name: "hour", min: 0, max: 23, words: [] },
  { name: "day of the month", min: 1, max: 31, words: [] },
  { name: "month", min: 1, max: 12, words: MONTHS },
  { name: "day of the week", min: 0, max: 7, words: WEEKDAYS },
];
const PART = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/;

/** "0 2 * * *" → its values. Throws usage and names the field. */
export function parseCron(expression: string): CronFields {
  const texts = expression.trim().split(/[ \t]+/);
  if (texts.length !== RULES.length) {
    throw refuse(expression, `has ${texts.length} fields, a cron line has 5`);
  }
  const fields = RULES.map((rule, n) => parseField(texts[n] ?? "", rule, expression));
  const [minutes = [], hours = [], days = [], months = [], weekdays = []] = fields;
  return {
    minutes,
    hours,
    days,
    months,
    weekdays: [...new Set(weekdays.map((day) => day % 7))].sort((a, b) => a - b),
    eitherDay: !texts[2]?.startsWith("*") && !texts[4]?.startsWith("*"),
  };
}

/** The expression with single spaces, checked; also throws usage if it never runs. */
export function normalizeCron(expression: string, nowMs: number): string {
  const normal = expression
    .trim()
    .split(/[ \t]+/)
    .join(" ");
  if (nextRun(normal, "UTC", nowMs) === null)
    throw refuse(expression, "names a day that never comes");
  return normal;
}

/** The first time after `nowMs`, by the clocks of `zone`; null if there is none. Throws usage. */
export function nextRun(expression: string, zone: string, nowMs: number): number | null {
  parseCron(expression);
  const cron = new Cron(expression, { timezone: zone, mode: "5-part", paused: true });
  return cron.nextRun(new Date(nowMs))?.getTime() ?? null;
}

function parseField(text: string, rule: FieldRule, expression: string): number[] {
  const word = rule.words.indexOf(text.toLowerCase());
  if (word >= 0 && text !== "") return [word];
  const values = text.split(",").flatMap((part) => parsePart(part, rule, expression));
  return [...new Set(values)].sort((a, b) => a - b);
}

function parsePart(part: string, { name, min, max }: FieldRule, expression: string): number[] {
  const match = PART.exec(part);
  if (!match) throw refuse(expression, `has a ${name} that cron cannot read: "${part}"`);
  const [, from, to, step] = match;
  const first = from === undefined ? min : Number(from);
  const last = to !== undefined ? Number(to) : from === undefined ? max : first;
  const by = step === undefined ? 1 : Number(step);
  const stepOfOne = step !== undefined && from !== undefined && to === undefined;
  if (first < min || last > max || first > last || by === 0 || stepOfOne) {
    throw refuse(expression, `has a ${name} that is not within ${min}-${max}: "${part}"`);
  }
  return Array.from({ length: Math.floor((last - first) / by) + 1 }, (_, n) => first + n * by);
}

function refuse(expression: string, why: string): KeepError {
  return new KeepError("usage", `the schedule "${expression}" ${why}`, {
    hint: 'Write minute, hour, day, month and weekday, for instance --at "0 2 * * *" for every night at two.',
  });
}
