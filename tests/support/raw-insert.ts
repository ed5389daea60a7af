// Inserts documents that no driver would write: duplicate keys, deprecated types, NaN with a payload.
// Speaks OP_MSG itself, so that it shares no line with what it helps to test. For servers without a login.
import { once } from "node:events";
import { connect } from "node:net";
import { BSON } from "mongodb";

const OP_MSG = 2013;
const HEADER_BYTES = 16;

/** Inserts `documents` byte for byte into `database.collection`. */
export async function insertRaw(
  uri: string,
  database: string,
  collection: string,
  documents: readonly Buffer[],
): Promise<void> {
  const { hostname, port } = new URL(uri);
  const socket = connect({ host: hostname, port: Number(port) });
  await once(socket, "connect");
  socket.write(buildInsert(database, collection, documents));
  const chunks: Buffer[] = [];
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer);
    if (isWhole(Buffer.concat(chunks))) break;
  }
  socket.destroy();
  const body = Buffer.concat(chunks).subarray(HEADER_BYTES + 5);
  const reply = BSON.deserialize(body.subarray(0, body.readInt32LE(0)));
  if (reply.ok !== 1 || reply.n !== documents.length) throw new Error(JSON.stringify(reply));
}

function isWhole(bytes: Buffer): boolean {
  return bytes.length >= 4 && bytes.length >= bytes.readInt32LE(0);
}

function buildInsert(database: string, collection: string, documents: readonly Buffer[]): Buffer {
  const command = BSON.serialize({ insert: collection, $db: database });
  const body = Buffer.concat([...documents]);
  const name = Buffer.from("documents\0");
  const head = Buffer.alloc(HEADER_BYTES + 5);
  const sequence = Buffer.alloc(5);
  sequence[0] = 1;
  sequence.writeInt32LE(4 + name.length + body.length, 1);
  const message = Buffer.concat([head, command, sequence, name, body]);
  message.writeInt32LE(message.length, 0);
  message.writeInt32LE(1, 4);
  message.writeInt32LE(OP_MSG, 12);
  return message;
}

/** One element of a hand-made document: type byte, name, value bytes. */
export interface RawElement {
  readonly type: number;
  readonly name: string;
  readonly value: Buffer;
}

/** A document of exactly these elements, in this order, checked by nobody. */
export function rawDocument(elements: readonly RawElement[]): Buffer {
  const parts = elements.map(({ type, name, value }) =>
    Buffer.concat([Buffer.from([type]), Buffer.from(`${name}\0`), value]),
  );
  const document = Buffer.concat([Buffer.alloc(4), ...parts, Buffer.alloc(1)]);
  document.writeInt32LE(document.length, 0);
  return document;
}

/** What drivers refuse or lose (docs/pitfalls.md, "Documents"). */
export function rawOddities(): Buffer[] {
  const int = (n: number) => Buffer.from(Int32Array.of(n).buffer);
  const text = (s: string) => Buffer.concat([int(s.length + 1), Buffer.from(`${s}\0`)]);
  const id = (n: number) => ({ type: 0x10, name: "_id", value: int(n) });
  const nanWithPayload = Buffer.from("010000000000f87f", "hex");
  const boolean = (byte: number) => ({ type: 0x08, name: "b", value: Buffer.from([byte]) });
  return [
    [
      id(1),
      { type: 0x10, name: "a", value: int(1) },
      { type: 0x02, name: "a", value: text("two") },
    ],
    [id(2), { type: 0x06, name: "undefined", value: Buffer.alloc(0) }],
    [id(3), { type: 0x0e, name: "symbol", value: text("sym") }],
    [
      id(4),
      { type: 0x0c, name: "pointer", value: Buffer.concat([text("db.c"), Buffer.alloc(12, 9)]) },
    ],
    [id(5), { type: 0x01, name: "nan", value: nanWithPayload }],
    [id(6), boolean(0), boolean(1)],
    [
      id(7),
      {
        type: 0x02,
        name: "no utf-8",
        value: Buffer.concat([int(3), Buffer.from([0xc3, 0x28, 0])]),
      },
    ],
  ].map(rawDocument);
}
