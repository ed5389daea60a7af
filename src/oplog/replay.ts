// Replays a log onto collections restored from a backup, which brings them to their state at the end of the log. What
// must stay true: every operation is executed, or counted because it is not part of this restore, or the replay fails
// and names the entry. The effect of an operation may already exist.
import type { Deployment } from "../mongo/deployment.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import { compareTimes } from "./cluster-time.ts";
import { classifyEntry, classifyOperation } from "./entry.ts";
import type { OplogEntry, Operation, ViewOperation, WriteOperation } from "./operation.ts";
import { dropTemporary, replayCommand } from "./replay-commands.ts";
import { about as aboutOf, notKnown } from "./replay-error.ts";
import type { About } from "./replay-error.ts";
import { ReplayState } from "./replay-state.ts";
import type { ReplayOptions, ReplaySummary } from "./replay-state.ts";
import { createSpillFile } from "./spill-file.ts";
import { Transactions } from "./transactions.ts";
import { createReplayWriter } from "./writer.ts";

/** Operations between two progress events. */
const PROGRESS_STEP = 5_000;

/**
 * Builds no index and creates no view: the caller does, from the summary. @param entries whole validated entries in log
 * order @throws KeepError server-error, rights-missing, not-in-this-version (an unknown entry), damaged (a log with
 * gaps), each naming the entry
 */
export async function replayOplog(
  deployment: Deployment,
  entries: AsyncIterable<Buffer>,
  options: ReplayOptions,
): Promise<ReplaySummary> {
  await using spill = createSpillFile(options.spillFolder);
  using writer = await createReplayWriter(deployment);
  const replay: Replay = {
    state: new ReplayState(deployment, writer, options),
    transactions: new Transactions(spill),
    bytes: 0,
  };
  let last: ClusterTime = { t: 0, i: 0 };
  for await (const raw of entries) {
    options.signal.throwIfAborted();
    const entry = classifyEntry(raw);
    if (options.to && compareTimes(entry.at, options.to) > 0) break;
    last = entry.at;
    replay.bytes += raw.length;
    await replayEntry(replay, entry);
  }
  await writer.flush();
  await dropTemporary(replay.state, { kind: "drop", at: last });
  return replay.state.summarize(replay.transactions.open);
}

interface Replay {
  readonly state: ReplayState;
  readonly transactions: Transactions;
  bytes: number;
}

async function replayEntry(replay: Replay, entry: OplogEntry): Promise<void> {
  const { transactions } = replay;
  const { at } = entry;
  if (entry.kind === "applyOps" && entry.transaction) {
    await transactions.add(entry.transaction, at, entry.operations);
    const { key, partial, prepare } = entry.transaction;
    if (!partial && !prepare) await commit(replay, key, at);
  } else if (entry.kind === "commitTransaction") await commit(replay, entry.key, at);
  else if (entry.kind === "abortTransaction") await transactions.abort(entry.key);
  else await carryOut(replay, entry, at);
}

async function commit(replay: Replay, key: string, at: ClusterTime): Promise<void> {
  if (isOld(replay.state.options, at)) {
    // The backup contains it, and its first parts may be older than the log.
    await replay.transactions.abort(key);
    return;
  }
  for await (const operation of replay.transactions.commit(key, at))
    await carryOut(replay, classifyOperation(operation), at);
}

async function carryOut(replay: Replay, operation: Operation, at: ClusterTime): Promise<void> {
  const { state } = replay;
  if (operation.kind === "ignore" || isOld(state.options, at)) return;
  const about = aboutOf(operation, at);
  switch (operation.kind) {
    case "insert":
    case "update":
    case "delete":
      await write(replay, operation, about);
      return;
    case "view":
      changeView(state, operation, about);
      return;
    case "applyOps":
      for (const child of operation.operations)
        await carryOut(replay, classifyOperation(child), at);
      return;
    case "unknown":
    case "commitTransaction":
    case "abortTransaction":
      throw notKnown(about, operation.kind === "unknown" ? operation.what : operation.kind);
    default:
      await replayCommand(state, operation, about);
  }
}

const isOld = ({ from }: ReplayOptions, at: ClusterTime) =>
  from !== null && compareTimes(at, from) < 0;

async function write(replay: Replay, operation: WriteOperation, about: About): Promise<void> {
  const { state } = replay;
  const target = state.locate(operation.place);
  if (target === null) {
    state.skipped++;
    return;
  }
  state.applied++;
  if (!(await state.exists(operation.place, target, about))) return;
  await state.writer.write(operation, target, about);
  if (state.applied % PROGRESS_STEP !== 0) return;
  const { applied: documents, options } = state;
  options.emit({ kind: "progress", step: "replay", documents, bytes: replay.bytes });
}

function changeView(state: ReplayState, operation: ViewOperation, about: About): void {
  const { database, view: name } = operation;
  if (state.locate({ database, collection: name }) === null) {
    state.skipped++;
    return;
  }
  state.applied++;
  const known = state.options.views?.find((v) => v.database === database && v.name === name);
  if (!state.views.take(operation, known?.options ?? null))
    throw notKnown(about, "this kind of change of a view");
}
