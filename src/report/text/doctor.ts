// Each check, and how to mend what is not right.
import type { Check } from "../../jobs/doctor/check.ts";
import type { DoctorResult } from "../../jobs/doctor/doctor.ts";
import { escapeText } from "../escape.ts";
import type { Style, View } from "../style.ts";
import { formatNumber } from "./parts.ts";

export function formatDoctor({ checks }: DoctorResult, { style }: View): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const count = (state: Check["state"]) => checks.filter((one) => one.state === state).length;
  const [failed, warned] = [count("fail"), count("warn")];
  const end = failed + warned === 0 ? "all is well" : `${failed} failed, ${formatNumber(warned, "warning")}`; // prettier-ignore
  return [...checks.map((check) => formatCheck(check, width, style)), end].join("\n");
}

function formatCheck({ name, state, message, hint }: Check, width: number, style: Style): string {
  const paint = { ok: style.good, warn: style.warn, fail: style.bad }[state];
  const line = `${paint(state.padEnd(4))}  ${name.padEnd(width)}  ${escapeText(message)}`;
  const indent = " ".repeat(width + 8);
  const hints = hint === "" ? [] : hint.split("\n").map((one) => indent + escapeText(one));
  return [line, ...hints].join("\n");
}
