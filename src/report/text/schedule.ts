// What is installed in cron or systemd.
import type { ScheduleResult, UnscheduleResult } from "../../jobs/schedule.ts";
import type { DrillSchedule } from "../../schedule/schedule.ts";
import { escapeText } from "../escape.ts";
import type { View } from "../style.ts";
import { formatFacts } from "../table.ts";
import { formatWhen } from "./parts.ts";

export function formatSchedule(result: ScheduleResult | UnscheduleResult, view: View): string {
  if ("removed" in result) {
    const { removed } = result;
    return removed.length === 0
      ? "no schedule was installed"
      : `removed from ${removed.join(" and ")}`;
  }
  const { installed, kind, line, nextRun, lastLog, drill, warnings } = result;
  const drills = drill ? [formatDrillSchedule(drill, view)] : [];
  if (!installed)
    return ["no schedule is installed: mongokeep schedule install does it", ...drills].join("\n");
  const facts = formatFacts([
    ["in", kind],
    ["line", line === null ? null : escapeText(line)],
    ["next run", nextRun === null ? null : formatWhen(nextRun, view)],
    ["last log", lastLog === null ? "none yet" : formatWhen(lastLog, view)],
  ]);
  const told = warnings.map((warning) => view.style.warn(`  ! ${escapeText(warning)}`));
  return [view.style.good("the nightly backup is scheduled"), facts, ...told, ...drills].join("\n");
}

/** Drills that run by themselves. */
export function formatDrillSchedule(drill: DrillSchedule, view: View): string {
  const { kind, line, nextRun, warnings } = drill;
  const facts = formatFacts([
    ["in", kind],
    ["line", escapeText(line)],
    ["next run", nextRun === null ? null : formatWhen(nextRun, view)],
  ]);
  const told = warnings.map((warning) => view.style.warn(`  ! ${escapeText(warning)}`));
  return [view.style.good("drills are scheduled"), facts, ...told].join("\n");
}
