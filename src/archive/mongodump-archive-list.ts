// The collections that an archive of mongodump lists, and how far the stream of each has come.
// What must stay true: a name out of an archive never leads out of a folder, and no stream counts as read
// before its own checksum was right.
import { findElement, findString, TYPE_BOOL, TYPE_INT64 } from "../bson/element.ts";
import { KeepError } from "../errors.ts";
import { createCrc64 } from "./crc64.ts";
import { assertDatabaseName, BUCKETS_PREFIX } from "./layout.ts";
import { parseMetadata } from "./metadata.ts";
import type { CollectionMetadata } from "./metadata.ts";
import { DOCUMENTS_IN_TWO_PLACES, DOCUMENTS_OF_A_VIEW, stockKind, typeSaid } from "./stock-kind.ts";

/** The log that `mongodump --oplog` adds has no database. */
export const ARCHIVED_OPLOG = "oplog";
const VERSION = "0.1";
/** The server allows 255 bytes for both names together (4.4 and later). */
const LONGEST_NAME = 255;
/** Each holds an open file while it is unpacked. mongodump writes four at a time unless told otherwise. */
const MOST_OPEN = 512;

export interface ListedCollection {
  /** Empty for the oplog. */
  readonly database: string;
  /** `$admin.system.users` and the like for a database's accounts. */
  readonly name: string;
  /** As what it is restored: "collection", "view" or "timeseries"; empty where nothing says it. */
  readonly type: string;
  /** What stands in metadata.json; empty where there is none. */
  readonly metadata: string;
  readonly described: CollectionMetadata | null;
}

/** The documents of one collection, in pieces between those of others. */
export interface ArchivedStream {
  readonly database: string;
  /** `system.buckets.` and the name for the data of a time series. */
  readonly name: string;
  /** For a person. */
  readonly namespace: string;
  readonly documents: number;
  readonly rawBytes: number;
  /** Counts documents in; for the parser alone. */
  take(raw: Buffer, documents: number): void;
}

export interface ArchiveList {
  readonly serverVersion: string | null;
  readonly toolVersion: string | null;
  readonly collections: readonly ListedCollection[];
  add(entry: Buffer, byte: number): void;
  /** The stream of a block; `end` where the header closes it. */
  openBlock(header: Buffer, byte: number): { stream: ArchivedStream; end: boolean };
  assertNotEmpty(byte: number): void;
  /** @throws KeepError damaged where a collection of the list was not read to its end */
  assertComplete(byte: number): void;
}

export interface ArchivePlace {
  readonly file?: string;
  readonly document?: number | null;
  /** Of the archive, decompressed, counted from 0. */
  readonly byte: number;
}

export function archiveDamage(problem: string, place: ArchivePlace): KeepError {
  const { file = "", document = null, byte } = place;
  return new KeepError("damaged", `${problem} (byte ${byte} of the archive)`, {
    details: { file, chunk: null, document, byte },
  });
}

/** @param header the archive's first document, checked @throws KeepError damaged: a version that is not known */
export function createArchiveList(header: Buffer): ArchiveList {
  const version = findString(header, 0, "version");
  if (version !== VERSION)
    throw archiveDamage(`archives of version ${JSON.stringify(version)} cannot be read`, {
      byte: ARCHIVE_HEADER_AT,
    });
  return new List(findString(header, 0, "server_version"), findString(header, 0, "tool_version"));
}

const ARCHIVE_HEADER_AT = 4;

type State = "unopened" | "open" | "closed";

class Stream implements ArchivedStream {
  readonly database: string;
  readonly name: string;
  readonly crc = createCrc64();
  state: State = "unopened";
  documents = 0;
  rawBytes = 0;

  constructor(database: string, name: string) {
    this.database = database;
    this.name = name;
  }

  get namespace(): string {
    return this.database === "" ? this.name : `${this.database}.${this.name}`;
  }

  take(raw: Buffer, documents: number): void {
    this.crc.add(raw);
    this.documents += documents;
    this.rawBytes += raw.length;
  }
}

class List implements ArchiveList {
  readonly serverVersion: string | null;
  readonly toolVersion: string | null;
  readonly collections: ListedCollection[] = [];
  readonly #streams = new Map<string, Stream>();
  #open = 0;

  constructor(serverVersion: string | null, toolVersion: string | null) {
    this.serverVersion = serverVersion;
    this.toolVersion = toolVersion;
  }

  add(entry: Buffer, byte: number): void {
    const listed = readEntry(entry, byte);
    this.collections.push(listed);
    // Before server 8.3 the data of a time series comes under the name of its buckets, later under its own.
    const names = listed.type === "timeseries" ? [BUCKETS_PREFIX + listed.name] : [];
    for (const name of [listed.name, ...names]) {
      const stream = new Stream(listed.database, name);
      const key = keyOf(stream.database, name);
      if (this.#streams.has(key))
        throw archiveDamage("the archive lists it twice", { file: stream.namespace, byte });
      this.#streams.set(key, stream);
    }
  }

  openBlock(header: Buffer, byte: number): { stream: ArchivedStream; end: boolean } {
    const database = findString(header, 0, "db") ?? "";
    const name = findString(header, 0, "collection") ?? "";
    const stream = this.#streams.get(keyOf(database, name));
    const file = stream?.namespace ?? "";
    if (!stream)
      throw archiveDamage(
        `a block is of ${JSON.stringify(`${database}.${name}`)}, which the archive does not list`,
        { byte },
      );
    if (stream.state === "closed")
      throw archiveDamage("more follows behind the collection's end", { file, byte });
    if (stream.state === "unopened") this.#open++;
    if (this.#open > MOST_OPEN)
      throw archiveDamage(`more than ${MOST_OPEN} collections are begun at once`, { file, byte });
    stream.state = "open";
    const end = isEnd(header, file, byte);
    if (end) this.#close(stream, header, byte);
    return { stream, end };
  }

  assertNotEmpty(byte: number): void {
    const accounts = ({ name }: ListedCollection) => name.startsWith("$admin.system.");
    if (this.collections.every((c) => c.database === "" || accounts(c)))
      throw archiveDamage("the archive holds no collection", { byte });
  }

  assertComplete(byte: number): void {
    for (const listed of this.collections) this.#assertWhole(listed, byte);
    const open = [...this.#streams.values()].find(({ state }) => state === "open");
    if (open)
      throw archiveDamage("the archive ends before the collection's end", {
        file: open.namespace,
        byte,
      });
  }

  /** Its documents have come to their end, and are what its metadata says: the dump it becomes is restored by that. */
  #assertWhole({ database, name, type, described }: ListedCollection, byte: number): void {
    const closed = (wanted: string) => {
      const stream = this.#streams.get(keyOf(database, wanted));
      return stream?.state === "closed" ? stream : null;
    };
    const [plain, buckets] = [closed(name), closed(BUCKETS_PREFIX + name)];
    const { namespace: file } = new Stream(database, name);
    // mongodump closes views too, which have no documents; nothing is lost where another tool does not.
    if (type !== "view" && !plain && !(type === "timeseries" && buckets))
      throw archiveDamage("the archive ends before the collection's end", { file, byte });
    if (described === null) return;
    const parts = { metadata: described, plain: plain !== null };
    const kind = stockKind({ ...parts, buckets: type === "timeseries" && buckets !== null });
    if ("problem" in kind) throw archiveDamage(`its metadata: ${kind.problem}`, { file, byte });
    if (kind.emptyOnly === undefined || (plain?.documents ?? 0) === 0) return;
    const problem = kind.type === "view" ? DOCUMENTS_OF_A_VIEW : DOCUMENTS_IN_TWO_PLACES;
    throw archiveDamage(`its metadata: ${problem}`, { file, byte });
  }

  #close(stream: Stream, header: Buffer, byte: number): void {
    stream.state = "closed";
    this.#open--;
    const crc = findElement(header, 0, "CRC");
    const promised = crc?.type === TYPE_INT64 ? header.readBigInt64LE(crc.at) : null;
    if (promised !== stream.crc.value())
      throw archiveDamage("the documents fail the checksum of the collection", {
        file: stream.namespace,
        byte,
      });
  }
}

const keyOf = (database: string, name: string) => `${database}\0${name}`;

function isEnd(header: Buffer, file: string, byte: number): boolean {
  const end = findElement(header, 0, "EOF");
  if (end?.type !== TYPE_BOOL)
    throw archiveDamage("the header of a block is wrong", { file, byte });
  return header[end.at] === 1;
}

function readEntry(entry: Buffer, byte: number): ListedCollection {
  const database = findString(entry, 0, "db") ?? "";
  const name = findString(entry, 0, "collection") ?? "";
  const metadata = findString(entry, 0, "metadata") ?? "";
  assertNames(database, name, byte);
  const file = new Stream(database, name).namespace;
  const described = metadata === "" ? null : describe(metadata, file, byte);
  if (described && described.collectionName !== "" && described.collectionName !== name)
    throw archiveDamage("its metadata is of another collection", { file, byte });
  const type = findString(entry, 0, "type") ?? "";
  return { database, name, type: typeOf(type, described, file, byte), metadata, described };
}

/** By the metadata, which the restore goes by; the entry must say the same. */
function typeOf(
  listed: string,
  described: CollectionMetadata | null,
  file: string,
  byte: number,
): string {
  if (described === null) {
    if (["", "collection"].includes(listed)) return listed;
    throw archiveDamage(`the archive lists it as a ${listed}, without metadata`, { file, byte });
  }
  const said = typeSaid(described);
  if (["", said, described.type].includes(listed)) return said;
  throw archiveDamage(
    `the archive lists it as a ${listed}, and its metadata is of a ${described.type}`,
    { file, byte },
  );
}

function describe(metadata: string, file: string, byte: number) {
  try {
    return parseMetadata(metadata);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw archiveDamage(`its metadata cannot be read: ${reason}`, { file, byte });
  }
}

function assertNames(database: string, name: string, byte: number): void {
  if (database !== "") assertDatabaseName(database);
  else if (name !== ARCHIVED_OPLOG)
    throw archiveDamage(`a collection ${JSON.stringify(name)} has no database`, { byte });
  const fits = Buffer.byteLength(name) <= LONGEST_NAME && name !== "" && !name.includes("\0");
  if (!fits)
    throw archiveDamage(`${JSON.stringify(name.slice(0, 80))} is no name of a collection`, {
      byte,
    });
}
