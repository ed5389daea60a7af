// Every case, in the order in which they run.
import type { TortureCase } from "./case.ts";
import { killBackup } from "./cases/kill-backup.ts";

export const CASES: readonly TortureCase[] = [killBackup];
