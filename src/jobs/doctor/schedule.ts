// Whether the nightly run is installed, and whether anything is there to start it.
import { readNightly } from "../schedule.ts";
import type { Examine } from "./check.ts";
import { ok, warn } from "./check.ts";

export const schedule: Examine = async ({ job, place }) => {
  const { installed, kind, at, warnings } = await readNightly(job, place);
  if (!installed) {
    const hint = "Run mongokeep schedule install.";
    return [warn("schedule", "no nightly backup is scheduled for this folder", hint)];
  }
  return [
    ok("schedule", `${kind ?? "it"} runs the backup at "${at ?? ""}"`),
    ...warnings.map((message) => warn("schedule", message, "See mongokeep schedule status.")),
  ];
};
