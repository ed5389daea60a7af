// Colours, on a terminal only: util.styleText itself honours NO_COLOR and what the stream is.
import { styleText } from "node:util";

type Paint = (text: string) => string;

export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly good: Paint;
  readonly warn: Paint;
  readonly bad: Paint;
}

export function createStyle(stream: NodeJS.WriteStream): Style {
  const paint =
    (format: "bold" | "dim" | "green" | "yellow" | "red"): Paint =>
    (text) =>
      styleText(format, text, { stream });
  return {
    bold: paint("bold"),
    dim: paint("dim"),
    good: paint("green"),
    warn: paint("yellow"),
    bad: paint("red"),
  };
}

const same: Paint = (text) => text;
export const PLAIN: Style = { bold: same, dim: same, good: same, warn: same, bad: same };

/** Everything that a text depends on besides the result. */
export interface View {
  readonly style: Style;
  /** BACKUP_TIMEZONE: people read times of day in it. */
  readonly zone: string;
  readonly nowMs: number;
  /** Of the terminal; null or absent: nothing is made to fit (a pipe, a file). */
  readonly columns?: number | null;
}

export function createView(stream: NodeJS.WriteStream, zone: string, nowMs: number): View {
  return { style: createStyle(stream), zone, nowMs, columns: stream.isTTY ? stream.columns : null };
}
