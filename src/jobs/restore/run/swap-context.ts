// What a swap is carried out with, and how it tells what it met.
import type { Deployment } from "../../../mongo/deployment.ts";
import type { RestoreRecord } from "../../../restore/record/record.ts";
import type { SwapContext } from "../../../restore/swap/swap.ts";
import { lockLimit } from "./await-clear.ts";
import type { JobContext } from "../../context.ts";

export function swapContext(
  context: JobContext,
  deployment: Deployment,
  record: RestoreRecord,
  step: SwapContext["step"],
): SwapContext {
  const { emit } = context;
  const limit = lockLimit(context, deployment, step === "swap" ? "once" : "until done");
  const onIntruder = (namespace: string, aside: string) => {
    emit({
      kind: "log",
      level: "warn",
      code: "written-meanwhile",
      message: `somebody created ${namespace} while it was being replaced: what was written is kept as ${aside}`,
    });
  };
  const { client } = deployment;
  return { client, restoreId: record.id, record, step, lockLimit: limit, onIntruder };
}
