// Sends the operations of a replay to the server: writes in batches through applyOps, commands one by one, all over one
// connection in log order. Everything may be sent twice.
import * as BSON from "bson";
import { embed, rawArray, rawDocument, rawString, rawTrue } from "../bson/build.ts";
import { KeepError } from "../errors.ts";
import { insertRaw } from "../mongo/bulk-insert.ts";
import type { Deployment, RawConnection } from "../mongo/deployment.ts";
import { REPLY_AT } from "../mongo/wire.ts";
import type { WriteOperation } from "./operation.ts";
import { refused } from "./replay-error.ts";
import type { About } from "./replay-error.ts";
import { dataNameOf, holdsEmptyTimestamp, rewriteWrite, wholeDocument } from "./rewrite.ts";
import type { Target } from "./rewrite.ts";

/** The server logs a batch as one entry of at most 16 MB, and adds bytes to each operation. */
const BATCH_BYTES = 8 * 1024 * 1024;
const BATCH_OPERATIONS = 2_000;

export interface ReplayWriter extends Disposable {
  /** Sent with the next command at the latest. */
  write(operation: WriteOperation, target: Target, about: About): Promise<void>;
  /** Sends all pending writes first. Codes in `tolerated` count as success. */
  command(
    database: string,
    elements: readonly Buffer[],
    about: About,
    tolerated?: readonly number[],
  ): Promise<void>;
  flush(): Promise<void>;
}

interface Reply {
  readonly ok: number;
  readonly code?: number;
  readonly errmsg?: string;
  /** One for each operation, up to the one that failed. */
  readonly results?: readonly boolean[];
}

/** @throws KeepError "internal" if no raw socket is available */
export async function createReplayWriter(deployment: Deployment): Promise<ReplayWriter> {
  const connection = await deployment.openRaw("primary");
  if (!connection)
    throw new KeepError("internal", "cannot replay an oplog: the driver provides no raw socket");
  return new Writer(connection);
}

class Writer implements ReplayWriter {
  readonly #connection: RawConnection;
  #operations: Buffer[] = [];
  #abouts: About[] = [];
  #bytes = 0;

  constructor(connection: RawConnection) {
    this.#connection = connection;
  }

  async write(operation: WriteOperation, target: Target, about: About): Promise<void> {
    if (holdsEmptyTimestamp(operation)) {
      await this.#writeLiterally(operation, target);
      return;
    }
    const rewritten = rewriteWrite(operation, target);
    const isFull =
      this.#bytes + rewritten.length > BATCH_BYTES || this.#operations.length >= BATCH_OPERATIONS;
    if (isFull) await this.flush();
    this.#operations.push(rewritten);
    this.#abouts.push(about);
    this.#bytes += rewritten.length;
  }

  async flush(): Promise<void> {
    const operations = this.#operations;
    const abouts = this.#abouts;
    if (operations.length === 0) return;
    this.#operations = [];
    this.#abouts = [];
    this.#bytes = 0;
    const reply = await this.#run("admin", [
      rawArray("applyOps", operations),
      rawTrue("bypassDocumentValidation"),
    ]);
    const failed = reply.results?.indexOf(false) ?? -1;
    if (reply.ok === 1 && failed < 0) return;
    const about = abouts[failed < 0 ? 0 : failed];
    if (about) throw refused(about, reply.code ?? 0, reply.errmsg ?? "no reason given");
  }

  async command(
    database: string,
    elements: readonly Buffer[],
    about: About,
    tolerated: readonly number[] = [],
  ): Promise<void> {
    await this.flush();
    const { ok, code = 0, errmsg = "no reason given" } = await this.#run(database, elements);
    if (ok !== 1 && !tolerated.includes(code)) throw refused(about, code, errmsg);
  }

  /** An upsert that takes the document literally, including empty timestamps (TOOLS-3540). */
  async #writeLiterally(operation: WriteOperation, target: Target): Promise<void> {
    await this.flush();
    const document = wholeDocument(operation);
    const { database } = target;
    const place = { database, collection: dataNameOf(operation.place, target) };
    if (document) await insertRaw(this.#connection, { ...place, bypassValidation: true }, document);
  }

  async #run(database: string, elements: readonly Buffer[]): Promise<Reply> {
    const { wire } = this.#connection;
    const command = rawDocument(
      ...elements,
      // Durability is requested once, when everything is restored.
      embed("writeConcern", BSON.serialize({ w: 1 })),
      rawString("$db", database),
      ...(wire.apiVersion === null ? [] : [rawString("apiVersion", wire.apiVersion)]),
    );
    await wire.send(0, command);
    const message = await wire.receive();
    const reply = BSON.deserialize(message.buffer.subarray(REPLY_AT, message.length)) as Reply;
    wire.give(message);
    return reply;
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }
}
