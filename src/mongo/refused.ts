// Documents that a server refused, named by their `_id`s. What must stay true: no other part of a document appears, and
// the server's message appears without the values that it quotes.
import { shortIdText } from "../bson/id-text.ts";
import { KeepError } from "../errors.ts";
import { CODES, withoutValues } from "./server-error.ts";

/** As many as a person looks up and a log can hold. */
export const NAMED_DOCUMENTS = 20;
const NAMED_IN_MESSAGE = 3;

/** One entry of a reply's `writeErrors`. */
export interface WriteError {
  /** Index among the documents that were sent. */
  readonly index: number;
  readonly code: number;
  readonly errmsg: string;
  /** Of the index that already has the key. */
  readonly keyPattern?: Readonly<Record<string, unknown>>;
}

interface Sent {
  readonly namespace: string;
  /** Whole documents, back to back. */
  readonly documents: Buffer;
  readonly count: number;
}

/**
 * The error for a message with refused documents. Its `details` contain their number, the first `_id`s, and the
 * server's reason for each of these.
 */
export function refusedDocuments(sent: Sent, errors: readonly WriteError[]): KeepError {
  const { namespace, documents, count } = sent;
  const named = [...errors].sort((a, b) => a.index - b.index).slice(0, NAMED_DOCUMENTS);
  const documentIds = idsAt(documents, new Set(named.map((e) => e.index)));
  const serverErrors = named.map((e) => `${withoutValues(e.errmsg)} (server code ${e.code})`);
  const said = [...new Set(serverErrors)];
  const words = `${said[0] ?? "no reason given"}${said.length > 1 ? ", and for other reasons" : ""}`;
  return new KeepError(
    "documents-refused",
    `${namespace}: ${errors.length} of ${count} documents were refused: ${words}; ${idsInWords(documentIds, errors.length)}`,
    {
      details: {
        namespace,
        serverCode: named[0]?.code ?? 0,
        documents: errors.length,
        ...{ documentIds, serverErrors },
      },
    },
  );
}

/** Whether the only conflict of a document is an existing one with the same `_id`. */
export function isSameId({ code, keyPattern }: WriteError): boolean {
  return code === CODES.duplicateKey && Object.keys(keyPattern ?? {}).join(" ") === "_id";
}

/** The documents of the errors, in order. */
export function refusedOf(documents: Buffer, errors: readonly WriteError[]): Buffer[] {
  const wanted = new Set(errors.map(({ index }) => index));
  const found: Buffer[] = [];
  let index = 0;
  for (let at = 0; at < documents.length; at += documents.readInt32LE(at), index++)
    if (wanted.has(index)) found.push(documents.subarray(at, at + documents.readInt32LE(at)));
  return found;
}

/** `_id 1, 2, 3 and 17 more`. */
export function idsInWords(ids: readonly string[], all: number): string {
  const shown = ids.slice(0, NAMED_IN_MESSAGE);
  const more = all - shown.length;
  return `_id ${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function idsAt(documents: Buffer, wanted: ReadonlySet<number>): string[] {
  const ids: string[] = [];
  let index = 0;
  for (let at = 0; at < documents.length && ids.length < wanted.size; index++) {
    if (wanted.has(index)) ids.push(shortIdText(documents, at));
    at += documents.readInt32LE(at);
  }
  return ids;
}
