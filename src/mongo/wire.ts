// OP_MSG over a socket that was taken over: whole messages from pooled buffers, raw bytes to the server. Format:
// https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/#op_msg
import type { Duplex } from "node:stream";
import { KeepError } from "../errors.ts";
import type { BufferPool } from "../util/buffer-pool.ts";

export const MORE_TO_COME = 1 << 1;
export const EXHAUST_ALLOWED = 1 << 16;
const OP_MSG = 2013;
const HEADER_BYTES = 16;
/** Start of the reply document in a message: after header, flags and section kind. */
export const REPLY_AT = HEADER_BYTES + 4 + 1;
/** More than any reply of a server (48 MB): a greater length does not come from MongoDB. */
const LONGEST_MESSAGE = 64 * 1024 * 1024;

/** One whole message. The buffer may be longer than the message; return it to the pool after use. */
export interface Message {
  readonly buffer: Buffer;
  readonly length: number;
  readonly moreToCome: boolean;
}

/** A command as an OP_MSG, with raw documents as a kind-1 section if given. */
export function encodeCommand(
  requestId: number,
  flags: number,
  body: Uint8Array,
  sequence?: { readonly name: string; readonly documents: Uint8Array },
): Uint8Array[] {
  const name = sequence ? Buffer.from(`${sequence.name}\0`, "latin1") : null;
  const sequenceBytes = sequence && name ? 4 + name.length + sequence.documents.length : 0;
  const head = Buffer.alloc(REPLY_AT);
  head.writeInt32LE(REPLY_AT + body.length + (sequence ? 1 + sequenceBytes : 0), 0);
  head.writeInt32LE(requestId, 4);
  head.writeInt32LE(OP_MSG, 12);
  head.writeUInt32LE(flags, 16);
  if (!sequence || !name) return [head, body];
  const section = Buffer.alloc(5);
  section[0] = 1;
  section.writeInt32LE(sequenceBytes, 1);
  return [head, body, section, name, sequence.documents];
}

/** Sends and receives whole messages. Not for concurrent use: one user, one request at a time. */
export class WireConnection {
  readonly address: string;
  readonly apiVersion: string | null;
  readonly #socket: Duplex;
  readonly #pool: BufferPool;
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);
  #requestId = 0;
  #silenceMs: number;

  /** `silenceMs`: a server that sends nothing for this long while a reply is due counts as lost. */
  constructor(
    taken: { socket: Duplex; address: string; apiVersion: string | null },
    pool: BufferPool,
    silenceMs: number,
  ) {
    this.address = taken.address;
    this.apiVersion = taken.apiVersion;
    this.#socket = taken.socket;
    this.#pool = pool;
    this.#silenceMs = silenceMs;
    this.#chunks = (taken.socket as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }

  /** Resolves when the socket has accepted the bytes; until then they must not change. */
  async send(
    flags: number,
    body: Uint8Array,
    sequence?: { readonly name: string; readonly documents: Uint8Array },
  ): Promise<void> {
    await this.#write(encodeCommand(++this.#requestId, flags, body, sequence));
  }

  /** Several commands at once; their replies arrive in the same order. */
  async sendAll(bodies: readonly Uint8Array[]): Promise<void> {
    const parts = bodies.flatMap((body) => encodeCommand(++this.#requestId, 0, body));
    if (parts.length > 0) await this.#write([Buffer.concat(parts)]);
  }

  async #write(parts: readonly Uint8Array[]): Promise<void> {
    const watch = this.#watchSending();
    try {
      await new Promise<void>((resolve, reject) => {
        const last = parts.length - 1;
        this.#socket.cork();
        parts.forEach((part, i) => {
          this.#socket.write(part, (error) => {
            if (error) reject(this.#lost(error));
            else if (i === last) resolve();
          });
        });
        this.#socket.uncork();
      });
    } finally {
      clearInterval(watch);
    }
  }

  /** A server that accepts not one byte for the whole silence limit is lost. */
  #watchSending(): NodeJS.Timeout {
    let waiting = Number.POSITIVE_INFINITY;
    return setInterval(() => {
      const { writableLength } = this.#socket;
      if (writableLength >= waiting) this.#socket.destroy(new Error(this.#silence("took")));
      waiting = writableLength;
    }, this.#silenceMs);
  }

  #silence(did: "sent" | "took"): string {
    return `it ${did} nothing for ${Math.round(this.#silenceMs / 1000)} s`;
  }

  async receive(): Promise<Message> {
    const header = await this.#readHeader();
    const length = header.readInt32LE(0);
    const opCode = header.readInt32LE(12);
    if (opCode !== OP_MSG || length < REPLY_AT + 5 || length > LONGEST_MESSAGE)
      throw this.#lost(new Error(`not an OP_MSG: length ${length}, operation code ${opCode}`));
    const buffer = this.#pool.take(length);
    await this.#readInto(buffer, length);
    return { buffer, length, moreToCome: (buffer.readUInt32LE(16) & MORE_TO_COME) !== 0 };
  }

  give(message: Message): void {
    this.#pool.give(message.buffer);
  }

  close(): void {
    this.#socket.destroy();
  }

  async #readHeader(): Promise<Buffer> {
    while (this.#rest.length < HEADER_BYTES) {
      const next = await this.#next();
      this.#rest = this.#rest.length === 0 ? next : Buffer.concat([this.#rest, next]);
    }
    return this.#rest;
  }

  /** Moves `length` bytes, including the header, into `buffer`. */
  async #readInto(buffer: Buffer, length: number): Promise<void> {
    let filled = 0;
    for (;;) {
      const taken = this.#rest.copy(buffer, filled, 0, length - filled);
      this.#rest = this.#rest.subarray(taken);
      filled += taken;
      if (filled === length) return;
      this.#rest = await this.#next();
    }
  }

  async #next(): Promise<Buffer> {
    const silence = setTimeout(() => {
      this.#socket.destroy(new Error(this.#silence("sent")));
    }, this.#silenceMs);
    try {
      const next: IteratorResult<Buffer, unknown> = await this.#chunks.next();
      if (next.done === true) throw new Error("it closed the connection");
      return next.value;
    } catch (error) {
      throw this.#lost(error);
    } finally {
      clearTimeout(silence);
    }
  }

  #lost(cause: unknown): KeepError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new KeepError("unreachable", `lost the connection to ${this.address}: ${reason}`, {
      hint: "Check that MongoDB runs and the network holds, then run it again.",
      cause,
    });
  }
}
