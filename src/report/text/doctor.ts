// Each check, and how to mend what is not right.
import type { Check } from "../../jobs/doctor/check.ts";
import type { DoctorResult } from "../../jobs/doctor/doctor.ts";
import { escapeText } from "../escape.ts";
import type { View } from "../style.ts";
import { wrap } from "../table.ts";
import { formatNumber } from "./parts.ts";

export function formatDoctor({ checks }: DoctorResult, view: View): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const count = (state: Check["state"]) => checks.filter((one) => one.state === state).length;
  const [failed, warned] = [count("fail"), count("warn")];
  const end = failed + warned === 0 ? "all is well" : `${failed} failed, ${formatNumber(warned, "warning")}`; // prettier-ignore
  return [...checks.map((check) => formatCheck(check, width, view)), end].join("\n");
}

function formatCheck({ name, state, message, hint }: Check, width: number, view: View): string {
  const { style, columns = null } = view;
  const paint = { ok: style.good, warn: style.warn, fail: style.bad }[state];
  const indent = width + 8;
  const line = `${paint(state.padEnd(4))}  ${name.padEnd(width)}  ${wrap(escapeText(message), columns, indent)}`;
  const hints = hint === "" ? [] : hint.split("\n");
  return [line, ...hints.map((one) => " ".repeat(indent) + wrap(escapeText(one), columns, indent))].join("\n"); // prettier-ignore
}
