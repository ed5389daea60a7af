// Reads a collection on through lost connections. What must stay true: every document once.
// At one cluster time one member gives a collection's documents in one order (that of its record ids, which
// no update changes), so a read goes on by number after the last whole document, on that member alone, and
// that document is read again and compared. Whatever else was lost is read from its start.
import { crc32 } from "node:zlib";
import { KeepError } from "../errors.ts";
import type { RawBatch, ReadOptions } from "../mongo/bulk-read.ts";
import { isLost } from "../mongo/lost.ts";
import type { Member } from "../mongo/socket-takeover.ts";
import { readDocuments } from "./collection.ts";
import type { DumpConnections } from "./connections.ts";
import { isSilent, watchRead } from "./read-watch.ts";
import { pauseBefore } from "./start-over.ts";
import type { LossContext } from "./start-over.ts";

export interface ReadContext extends LossContext {
  readonly connections: DumpConnections;
}

/** Times in a row that a read goes on without getting further. */
const RESUMES = 3;

/** How far a read came. */
interface Place {
  readonly member: Member;
  readonly documents: number;
  /** Of the last document. */
  readonly fingerprint: number;
}

/** The member's order is not what it was: nothing to go on from. */
class OtherOrderError extends KeepError {}

/** As readDocuments, on through lost connections where that is safe. @throws as it does */
export async function* readOnward(
  context: ReadContext,
  options: ReadOptions,
): AsyncGenerator<RawBatch, void, void> {
  let place: Place | null = null;
  let losses: KeepError[] = [];
  for (;;) {
    try {
      for await (const { batch, member } of readFrom(context, options, place)) {
        if (place && losses.length > 0) tellResumed(context, options, place, losses);
        losses = [];
        place = member && placeAfter(place, member, batch);
        yield batch;
      }
      return;
    } catch (error) {
      context.signal.throwIfAborted();
      if (!place || !isLost(error) || !canGoOn(options, error)) throw error;
      if (context.connections.isAvoided(place.member)) throw error;
      // The first one is the cause; what follows is only that nobody answers.
      if (losses.length === RESUMES) throw losses[0] ?? error;
      losses.push(error);
      await pauseBefore(losses.length, context.signal);
    }
  }
}

function canGoOn({ at, filter }: ReadOptions, error: KeepError): boolean {
  return at !== null && filter === undefined && !(error instanceof OtherOrderError);
}

function tellResumed(
  context: ReadContext,
  options: ReadOptions,
  place: Place,
  losses: KeepError[],
) {
  context.emit({
    kind: "log",
    level: "info",
    code: "read-resumed",
    message: `${options.database}.${options.collection}: ${losses[0]?.message ?? ""}: resumed at the same instant after ${place.documents} documents`,
  });
}

/** The rest of the collection after `place`, and who gave it. */
async function* readFrom(context: ReadContext, options: ReadOptions, place: Place | null) {
  const { connections } = context;
  const raw = await connections.take(place?.member ?? null);
  let whole = false;
  try {
    if (place && !raw) throw new OtherOrderError("unreachable", "no connection can be taken over any more"); // prettier-ignore
    const skip = place ? { skip: place.documents - 1 } : {};
    let seam = place;
    const { deployment, limits } = connections;
    const namespace = `${options.database}.${options.collection}`;
    const batches = readDocuments(deployment, raw, { ...options, ...skip });
    const watched = { deployment, limits, namespace, raw, emit: context.emit };
    for await (const batch of watchRead(watched, batches)) {
      if (seam === null) yield { batch, member: raw?.member ?? null };
      else if (batch.documents === 0) batch.release();
      else {
        yield { batch: withoutSeam(batch, seam), member: seam.member };
        seam = null;
      }
    }
    if (seam) throw otherOrder(seam);
    whole = true;
  } catch (error) {
    if (isSilent(error) && raw?.member.isSecondary === true) connections.avoid(raw.member);
    throw error;
  } finally {
    if (whole) connections.give(raw);
    else connections.drop(raw);
  }
}

/** The batch without its first document, which must be the one that was the last before. */
function withoutSeam(batch: RawBatch, seam: Place): RawBatch {
  const length = batch.bytes.readInt32LE(0);
  if (crc32(batch.bytes.subarray(0, length)) !== seam.fingerprint) {
    batch.release();
    throw otherOrder(seam);
  }
  return {
    ...batch,
    bytes: batch.bytes.subarray(length),
    documents: batch.documents - 1,
    cuts: batch.cuts.map((cut) => cut - length).filter((cut) => cut > 0),
  };
}

const otherOrder = ({ member }: Place) =>
  new OtherOrderError("unreachable", `${member.name} gives the documents in another order than before`); // prettier-ignore

/** `before` where the batch holds nothing. */
function placeAfter(before: Place | null, member: Member, batch: RawBatch): Place | null {
  const { bytes, cuts } = batch;
  if (batch.documents === 0) return before;
  let last = cuts.at(-2) ?? 0;
  for (let next = last; next < bytes.length; next += bytes.readInt32LE(next)) last = next;
  const documents = (before?.documents ?? 0) + batch.documents;
  return { member, documents, fingerprint: crc32(bytes.subarray(last)) };
}
