// What `mongokeep init` did, and what to do at night.
import type { InitResult } from "../../jobs/init/result.ts";
import { escapeText } from "../escape.ts";
import type { View } from "../style.ts";
import { formatDoctor } from "./doctor.ts";
import { formatNumber } from "./parts.ts";
import { formatSchedule } from "./schedule.ts";

export function formatInit(result: InitResult, view: View): string {
  const { ok, envFile, changed, doctor, backup, schedule, scheduleProblem, warnings } = result;
  const { style } = view;
  const file = escapeText(envFile);
  const head = changed.length === 0 ? `${file}: nothing to change` : `${file}: set ${changed.join(", ")} (readable by you alone)`; // prettier-ignore
  const problem = scheduleProblem === null ? [] : [style.bad(`no nightly run is installed: ${escapeText(scheduleProblem)}`)]; // prettier-ignore
  const failed = doctor?.ok === false ? [style.bad("not set up yet: fix what failed above, then run mongokeep init again")] : []; // prettier-ignore
  const made = backup === null ? [] : [`${style.good(backup.made ? "first backup, verified:" : "there is a backup:")} ${escapeText(backup.id)}, ${formatNumber(backup.documents, "document")}`]; // prettier-ignore
  return [
    head,
    ...(doctor ? ["", formatDoctor(doctor, view), ""] : []),
    ...warnings.map((one) => style.warn(`! ${escapeText(one)}`)),
    ...failed,
    ...made,
    ...(schedule ? [formatSchedule(schedule, view)] : []),
    ...problem,
    ...(ok && backup !== null ? ["", AT_NIGHT] : []),
  ].join("\n");
}

const AT_NIGHT = `At 2 a.m., when the data is gone, in this folder:
  mongokeep list                       what there is
  mongokeep restore latest             shows what would happen; changes nothing
  mongokeep restore latest --confirm   does it
  mongokeep rollback --confirm         back to the state before that restore
Copy the backups to another machine, and try one now: mongokeep drill`;
