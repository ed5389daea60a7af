// One HTTP request with a time limit, whose errors do not show the address, because it is a secret.
import { setTimeout as delay } from "node:timers/promises";
import { KeepError } from "../errors.ts";
import type { Secret } from "../util/secret.ts";

export interface HttpLimits {
  /** For one try. */
  readonly timeoutMs: number;
  /** Pause before the second try. */
  readonly pauseMs: number;
}

const LIMITS: HttpLimits = { timeoutMs: 15_000, pauseMs: 2_000 };

interface Problem {
  readonly message: string;
  /** A second try may help. */
  readonly passing: boolean;
}

/** Tries twice if that may help. `name` is the setting with the address. @throws KeepError failed */
export async function requestOnce(
  name: string,
  url: Secret,
  body: string | null,
  limits: HttpLimits = LIMITS,
): Promise<void> {
  const first = await attempt(url, body, limits.timeoutMs);
  if (first === null) return;
  let problem = first;
  if (first.passing) {
    await delay(limits.pauseMs);
    const second = await attempt(url, body, limits.timeoutMs);
    if (second === null) return;
    problem = second;
  }
  throw new KeepError("failed", `${name} ${problem.message}`, {
    hint: `Check ${name}, then try it with mongokeep doctor --test-alert.`,
  });
}

async function attempt(
  url: Secret,
  body: string | null,
  timeoutMs: number,
): Promise<Problem | null> {
  try {
    const response = await fetch(url.reveal(), {
      method: body === null ? "GET" : "POST",
      ...(body !== null && { body, headers: { "content-type": "application/json" } }),
      // Following it would turn a POST into a GET, or lead to an unintended address.
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
    if (response.ok) return null;
    const { status } = response;
    const moved = status >= 300 && status < 400 ? " (moved: set the new address)" : "";
    return { message: `answered ${status}${moved}`, passing: status >= 500 || status === 429 };
  } catch (error) {
    return { message: networkProblem(error, timeoutMs), passing: true };
  }
}

/** fetch hides the reason in `cause`; only its code is shown, because the text may contain the address. */
function networkProblem(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === "TimeoutError") {
    return `did not answer within ${timeoutMs / 1000} s`;
  }
  const cause =
    error instanceof Error ? (error.cause as { code?: unknown } | undefined) : undefined;
  const code = typeof cause?.code === "string" ? ` (${cause.code})` : "";
  return `cannot be reached${code}`;
}
