// The engines there are, and those that this version has: BACKUP_ENGINE and --engine refuse the others here.
import { KeepError } from "../errors.ts";

export const ENGINES = ["native", "mongodump", "ejson"] as const;
export type EngineSetting = (typeof ENGINES)[number];

/** An engine that is built is added here and in dump/choose-engine.ts, and nowhere else. */
const BUILT: readonly EngineSetting[] = ["native", "mongodump"];

/** @throws KeepError not-in-this-version; `asked` is how it was asked for: `--engine ejson` */
export function assertEngine(engine: EngineSetting, asked: string, hint?: string): void {
  if (BUILT.includes(engine)) return;
  throw new KeepError("not-in-this-version", `${asked} is not in this version`, {
    ...(hint === undefined ? {} : { hint }),
  });
}
