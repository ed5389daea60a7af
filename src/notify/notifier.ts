// How people hear of what needs them. An alert that cannot be sent is told, and never fails what it is about.
import type { Emit } from "../events.ts";
import { messageOf, redact } from "../util/redact.ts";

/** One thing to tell. Texts hold no secret and no document content. */
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
  /** Returns once the notice is delivered; within a minute in every case. @throws KeepError failed */
  send(notice: Notice): Promise<void>;
}

/**
 * Sends to all at once; logs what could not be sent, and returns that. Never throws.
 */
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
    emit({ kind: "log", level: "warn", code: "alert-not-sent", message });
  }
  return failures;
}

/** For safety's sake once more: nothing leaves the machine unredacted. */
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
