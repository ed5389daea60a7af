// Every case, in running order.
import type { TortureCase } from "./runner/case.ts";
import { bitFlips } from "./cases/bit-flips.ts";
import { canaries } from "./cases/canaries.ts";
import { clock } from "./cases/clock.ts";
import { cuts } from "./cases/cuts.ts";
import { fuzz } from "./cases/fuzz.ts";
import { fullDisk } from "./cases/full-disk.ts";
import { hostileNames } from "./cases/hostile-names.ts";
import { ioErrors } from "./cases/io-errors.ts";
import { killBackup } from "./cases/kill-backup.ts";
import { killEachCall } from "./cases/kill-each-call.ts";
import { killRestore } from "./cases/kill-restore.ts";
import { mongodInBackup } from "./cases/mongod-in-backup.ts";
import { modes } from "./cases/modes.ts";
import { network } from "./cases/network.ts";
import { places } from "./cases/places.ts";
import { powerCut } from "./cases/power-cut.ts";
import { retentionModel } from "./cases/retention-model.ts";
import { signals } from "./cases/signals.ts";
import { soak } from "./cases/soak.ts";
import { stepDown } from "./cases/step-down.ts";
import { together } from "./cases/together.ts";
import { transfers } from "./cases/transfers.ts";

export const CASES: readonly TortureCase[] = [
  killBackup,
  bitFlips,
  cuts,
  killRestore,
  signals,
  together,
  mongodInBackup,
  network,
  stepDown,
  transfers,
  retentionModel,
  killEachCall,
  powerCut,
  fullDisk,
  ioErrors,
  places,
  clock,
  hostileNames,
  canaries,
  modes,
  fuzz,
  soak,
];
