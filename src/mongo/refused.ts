// Documents that a server refused, named by their `_id`s. What must stay true: nothing else of a document is
// in what is made here; the server's words come without the values that it quotes.
import { shortIdText } from "../bson/id-text.ts";
import { KeepError } from "../errors.ts";
import { CODES, withoutValues } from "./server-error.ts";

/** As many as a person looks up, and a log can bear. */
export const NAMED_DOCUMENTS = 20;
const NAMED_IN_MESSAGE = 3;

/** One entry of a reply's `writeErrors`. */
export interface WriteError {
  /** Which of the documents that were sent. */
  readonly index: number;
  readonly code: number;
  readonly errmsg: string;
  /** Of the index that has the key already. */
  readonly keyPattern?: Readonly<Record<string, unknown>>;
}

interface Sent {
  readonly namespace: string;
  /** Whole documents, back to back. */
  readonly documents: Buffer;
  readonly count: number;
}

/**
 * The error for a message of which documents were refused. Its `details` have how many, the first `_id`s, and what
 * the server said of each of these.
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

/** Whether what stands in the way of a document is one of the same `_id`, and nothing else. */
export function isSameId({ code, keyPattern }: WriteError): boolean {
  return code === CODES.duplicateKey && Object.keys(keyPattern ?? {}).join(" ") === "_id";
}

/** Those of the documents that the errors are about, in their order. */
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
