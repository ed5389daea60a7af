// mongokeep doctor
import type { Composition } from "../../compose.ts";
import type { Check } from "../../jobs/doctor/check.ts";
import { currentPlace } from "../place.ts";
import { helpEnd, keep } from "../verb.ts";
import type { Verb } from "../verb.ts";

export const doctor: Verb<"doctor"> = {
  name: "doctor",
  define: (program, found) => {
    program
      .command("doctor")
      .summary("check settings, server, rights, disk, clock, schedule, alerts")
      .description(
        "Checks everything that the nightly backup depends on, and tells you how to fix each problem.",
      )
      .option("--test-alert", "send a test alert")
      .addHelpText(
        "after",
        helpEnd("0 nothing failed, 1 something failed, 2 settings", [
          "doctor",
          "doctor --test-alert",
        ]),
      ) // prettier-ignore
      .action(keep(found));
  },
  execute: async ({ flags }, composition) => {
    const { examine } = await import("../../jobs/doctor/doctor.ts");
    const { formatDoctor } = await import("../../report/text/doctor.ts");
    const examined = await composition.run("doctor", (job) =>
      examine({ job, place: currentPlace() }),
    );
    const tested = flags.testAlert === true ? await testAlert(composition) : [];
    const checks = [...examined.checks, ...tested];
    const result = { ok: checks.every(({ state }) => state !== "fail"), checks };
    return { result, text: (view) => formatDoctor(result, view), isReport: false };
  },
};

async function testAlert({ notify, notifierCount }: Composition): Promise<Check[]> {
  const name = "test-alert";
  if (notifierCount === 0) {
    const hint = "Set ALERT_COMMAND or ALERT_WEBHOOK_URL.";
    return [{ name, state: "fail", message: "no alert can be sent: no receiver is set", hint }];
  }
  const failures = await notify({
    event: "test",
    ok: true,
    title: "mongokeep: this is a test",
    text: "If you read this, alerts from mongokeep reach you.",
    facts: { command: "doctor" },
  });
  if (failures.length === 0) {
    return [{ name, state: "ok", message: "sent: check that it has arrived", hint: "" }];
  }
  const hint = "Try the command or the address by hand.";
  return failures.map((message): Check => ({ name, state: "fail", message, hint }));
}
