// How people receive alerts. A failed alert is logged, and never fails the job.
import { warn } from "../events.ts";
import type { Emit } from "../events.ts";
import { messageOf, redact } from "../util/redact.ts";

/** One notice. Its texts contain no secret and no document content. */
export interface Notice {
  /** "backup-failed", "backup-ok", "disk-low"… */
  readonly event: string;
  readonly ok: boolean;
  /** One line. */
  readonly title: string;
  readonly text: string;
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
}

export interface Notifier {
  /** The setting that made it, for messages. */
  readonly name: string;
  /** Resolves when the notice is delivered; within a minute in every case. @throws KeepError failed */
  send(notice: Notice): Promise<void>;
}

/** Sends to all at once; logs failures and returns them. Never throws. */
export async function notifyAll(
  notifiers: readonly Notifier[],
  notice: Notice,
  emit: Emit,
): Promise<string[]> {
  const outcomes = await Promise.all(
    notifiers.map(async (notifier) => {
      try {
        await notifier.send(notice);
        return null;
      } catch (error) {
        return `alert by ${notifier.name} was not sent: ${messageOf(error)}`;
      }
    }),
  );
  const failures = outcomes.filter((outcome) => outcome !== null);
  for (const message of failures) {
    warn(emit, "alert-not-sent", message);
  }
  return failures;
}

/** Redacted once more, so that no secret leaves the machine. */
export function redactNotice(notice: Notice): Notice {
  const facts = Object.entries(notice.facts).map(([name, value]) => [
    name,
    typeof value === "string" ? redact(value) : value,
  ]);
  return {
    ...notice,
    title: redact(notice.title).replace(/\s+/g, " ").trim(),
    text: redact(notice.text),
    facts: Object.fromEntries(facts) as Notice["facts"],
  };
}
