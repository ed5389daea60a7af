// ALERT_COMMAND: the user's shell command, with the message on stdin and details in its environment. Nothing of the
// notice is in the command line, because names come from the database and a shell would interpret them.
import { KeepError } from "../errors.ts";
import { describeEnd, execute } from "../util/exec.ts";
import type { Secret } from "../util/secret.ts";
import { redactNotice } from "./notifier.ts";
import type { Notice, Notifier } from "./notifier.ts";

const LIMIT_MS = 45_000;

export function commandNotifier(command: Secret, limitMs = LIMIT_MS): Notifier {
  return {
    name: "ALERT_COMMAND",
    async send(notice) {
      const safe = redactNotice(notice);
      const result = await execute(["sh", "-c", command.reveal()], {
        timeoutMs: limitMs,
        ofTheUser: true,
        stdin: `${safe.title}\n\n${safe.text}\n`,
        env: factsAsVariables(safe),
      });
      if (result.ok) return;
      throw new KeepError("failed", `ALERT_COMMAND ${describeEnd(result)}`, {
        hint: "Try it with mongokeep doctor --test-alert.",
      });
    },
  };
}

/** storedBytes → MONGOKEEP_STORED_BYTES. An unknown value is an empty variable. */
function factsAsVariables({ event, ok, title, facts }: Notice): Record<string, string> {
  const named = Object.entries(facts).map(([name, value]) => [variableName(name), plain(value)]);
  return {
    ...(Object.fromEntries(named) as Record<string, string>),
    MONGOKEEP_EVENT: plain(event),
    MONGOKEEP_OK: plain(ok),
    MONGOKEEP_TITLE: plain(title),
  };
}

function variableName(fact: string): string {
  const words = fact.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(/[^A-Za-z0-9]+/g, "_");
  return `MONGOKEEP_${words.toUpperCase()}`;
}

/** A variable cannot contain a NUL, and the system limits one to 128 KiB. */
function plain(value: string | number | boolean | null): string {
  return String(value ?? "")
    .replaceAll("\0", "")
    .slice(0, 8_192);
}
