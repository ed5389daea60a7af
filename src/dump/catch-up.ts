// The end of a dump that its oplog makes one instant: what moved before it was read is read now, wherever it is,
// into the file of the name that it had at the instant; the replay gives it its later names and documents.
// What must stay true: the log ends only where nothing is unread (docs/architecture.md says why that is enough).
import { rawDocument } from "../bson/build.ts";
import { withoutFields } from "../bson/edit.ts";
import { KeepError } from "../errors.ts";
import { BUCKETS } from "../oplog/operation.ts";
import { dataCollection } from "../mongo/namespaces.ts";
import { asBuffer, readIndexes } from "../mongo/read-indexes.ts";
import type { NamespaceInfo } from "../mongo/namespaces.ts";
import { locateCollection } from "../mongo/standing.ts";
import type { FinishedTail } from "../oplog/tailer.ts";
import type { KnownCollection } from "../oplog/tailer-watch.ts";
import { dumpEmpty, dumpMoved } from "./namespaces.ts";
import type { DumpedNamespaces, DumpRun } from "./namespaces.ts";
import { reportingWaits } from "./waits.ts";

/** Each takes what moved during the one before it. */
const ROUNDS = 20;

export interface CaughtUp {
  readonly dumped: DumpedNamespaces;
  readonly oplog: FinishedTail;
}

/**
 * null where there is no oplog to rely on.
 * @throws KeepError namespaces-changed where a collection moves more often than it can be read
 */
export async function catchUp(
  run: DumpRun,
  dumped: DumpedNamespaces,
  listed: readonly NamespaceInfo[],
): Promise<CaughtUp | null> {
  const known = new Map(listed.map((info) => [info.dataUuid, info]));
  let whole = dumped;
  for (let round = 1; ; round++) {
    const unread = await reportingWaits(run, "the end of the oplog", () => run.tail.catchUp());
    if (unread === null) return null;
    if (unread.length === 0) break;
    if (round > ROUNDS) throw neverStill(unread);
    for (const one of unread) {
      const read = await readAgain(run, one, known.get(one.uuid) ?? null);
      if (read) whole = joined(whole, read);
    }
  }
  for (const one of run.tail.gone) whole = joined(whole, await dumpEmpty(run, nothingOf(one)));
  const oplog = await run.tail.finish();
  return oplog && { dumped: whole, oplog };
}

function neverStill(unread: readonly KnownCollection[]): KeepError {
  const [first] = unread;
  const { namespace } = first ?? { namespace: "a collection" };
  return new KeepError(
    "namespaces-changed",
    `${namespace} is renamed or altered so often that it cannot be read in between`,
    {
      hint: `Run it again when that is over, or leave the collection out: --exclude ${namespace}`,
      details: { namespace },
    },
  );
}

/** null: it was dropped, which the log tells. One that moves again meanwhile stays unread. */
async function readAgain(
  run: DumpRun,
  { uuid, namespace }: KnownCollection,
  listed: NamespaceInfo | null,
): Promise<DumpedNamespaces | null> {
  const { client } = run.deployment;
  const database = namespace.slice(0, namespace.indexOf("."));
  const name = namespace.slice(database.length + 1);
  const before = await locateCollection(client, database, uuid);
  if (!before?.info) return null;
  const now = before.info.name;
  run.emit({
    kind: "log",
    level: "info",
    code: "read-moved",
    message: `${namespace} is read again${now === dataCollection(listed?.type ?? "collection", name) ? "" : `, as ${now}`}`,
  });
  const info = listed ?? (await described(run, before.info));
  // A member that has not heard of the rename yet must not be read.
  const standing = { now, after: before.since };
  const { dumped, isWhole } = await dumpMoved(run, { ...info, name }, standing);
  const after = isWhole ? await locateCollection(client, database, uuid) : null;
  if (after?.info?.name === now)
    run.tail.settleRead(uuid, { since: before.since, until: after.until });
  return dumped;
}

/** The log gives it other names and drops it: a replay has to find it, whatever it holds. */
function nothingOf({ uuid, namespace }: KnownCollection): NamespaceInfo {
  const [database = "", ...names] = namespace.split(".");
  const info = { database, name: names.join("."), type: "collection" as const };
  return { ...info, uuid, dataUuid: uuid, options: rawDocument(), indexes: [] };
}

/** The log has no definition of what was there before it began. */
async function described(run: DumpRun, info: NamespaceInfo): Promise<NamespaceInfo> {
  if (info.name.startsWith(BUCKETS))
    throw new KeepError("namespaces-changed", `${info.database}.${info.name} was not listed`);
  const indexes = await readIndexes(run.deployment.client.db(info.database), info);
  // It would let the server drop what is restored.
  return { ...info, options: withoutFields(asBuffer(info.options), ["temp"]), indexes };
}

function joined(before: DumpedNamespaces, read: DumpedNamespaces): DumpedNamespaces {
  const names = new Set(read.collections.map((c) => `${c.database}.${c.name}`));
  const paths = new Set(read.files.map(({ path }) => path));
  return {
    collections: [
      ...before.collections.filter((c) => !names.has(`${c.database}.${c.name}`)),
      ...read.collections,
    ],
    files: [...before.files.filter(({ path }) => !paths.has(path)), ...read.files],
    atInstant: false,
  };
}
