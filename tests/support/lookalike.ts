// A server that only resembles MongoDB: a real mongod behind a proxy that speaks the wire protocol and refuses,
// leaves out or answers otherwise what such servers do (Amazon DocumentDB, FerretDB, Azure Cosmos DB).
// What must stay true: what it does not refuse the mongod answers itself.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import * as BSON from "bson";
import { atEnd } from "./temporary.ts";
import type { Cleanup } from "./temporary.ts";

type Doc = BSON.Document;

/** How one of them differs from MongoDB. */
export interface Likeness {
  /** An error in the place of the server's answer; null: it answers. */
  readonly refuse: (command: Doc, name: string) => { code: number; errmsg: string } | null;
  /** Fields of the server's answer that it has not, or has otherwise. */
  readonly change: (reply: Doc, name: string) => Doc;
  /** Whether it hangs up on who asks for a stream of answers. */
  readonly hatesExhaust: boolean;
}

export interface Lookalike {
  through(uri: string): string;
  /** How often each command was refused. */
  readonly refused: ReadonlyMap<string, number>;
}

const OP_QUERY = 2004;
const OP_REPLY = 1;
const OP_MSG = 2013;
const EXHAUST_ALLOWED = 1 << 16;
const OPTIONS = { promoteLongs: false, promoteValues: false } as const;

/** Listens on a free port of this machine until the test is over. */
export async function startLookalike(t: Cleanup, uri: string, like: Likeness): Promise<Lookalike> {
  const { hostname, port } = new URL(uri);
  const refused = new Map<string, number>();
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const real = connect({ host: hostname, port: Number(port), noDelay: true });
    for (const [one, other] of [
      [client, real],
      [real, client],
    ] as const) {
      open.add(one);
      one.on("error", () => undefined);
      one.on("close", () => other.destroy());
    }
    serve(client, real, like, refused).catch(() => {
      client.destroy();
      real.destroy();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(t, async () => {
    const closed = once(server, "close");
    server.close();
    for (const socket of open) socket.destroy();
    await closed;
  });
  const own = (server.address() as AddressInfo).port;
  return {
    refused,
    through(wanted) {
      const url = new URL(wanted);
      url.host = `127.0.0.1:${own}`;
      url.searchParams.delete("replicaSet");
      url.searchParams.set("directConnection", "true");
      return url.toString();
    },
  };
}

async function serve(
  client: Socket,
  real: Socket,
  like: Likeness,
  refused: Map<string, number>,
): Promise<void> {
  const answers = messages(real)[Symbol.asyncIterator]();
  for await (const request of messages(client)) {
    const { body, name } = commandOf(request);
    if (like.hatesExhaust && isExhaust(request)) throw new Error("no streams here");
    const error = like.refuse(body, name);
    if (error) {
      refused.set(name, (refused.get(name) ?? 0) + 1);
      client.write(reply(request, { ok: 0, codeName: "Refused", ...error }));
      continue;
    }
    real.write(request);
    const next = await answers.next();
    if (next.done === true) throw new Error("the server went");
    client.write(reply(request, like.change(replyOf(next.value), name)));
  }
  client.end();
}

/** Whole messages of a socket. */
async function* messages(socket: Socket): AsyncGenerator<Buffer, void, void> {
  let rest = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= rest.readInt32LE(0)) {
      const length = rest.readInt32LE(0);
      yield rest.subarray(0, length);
      rest = rest.subarray(length);
    }
  }
}

const isExhaust = (message: Buffer) =>
  message.readInt32LE(12) === OP_MSG && (message.readUInt32LE(16) & EXHAUST_ALLOWED) !== 0;

function commandOf(message: Buffer): { body: Doc; name: string } {
  const body = BSON.deserialize(message.subarray(bodyAt(message)), {
    ...OPTIONS,
    allowObjectSmallerThanBufferSize: true,
  });
  return { body, name: Object.keys(body)[0] ?? "" };
}

/** Of a request: OP_MSG with its body first, as drivers send it, or the OP_QUERY of a first greeting. */
function bodyAt(message: Buffer): number {
  if (message.readInt32LE(12) !== OP_QUERY) return 21;
  return message.indexOf(0, 20) + 1 + 8;
}

function replyOf(message: Buffer): Doc {
  return BSON.deserialize(
    message.subarray(message.readInt32LE(12) === OP_REPLY ? 36 : 21),
    OPTIONS,
  );
}

function reply(request: Buffer, body: Doc): Buffer {
  const asked = request.readInt32LE(12) === OP_QUERY ? OP_REPLY : OP_MSG;
  const bytes = BSON.serialize(body);
  const head = Buffer.alloc(asked === OP_REPLY ? 36 : 21);
  head.writeInt32LE(head.length + bytes.length, 0);
  head.writeInt32LE(request.readInt32LE(4), 8);
  head.writeInt32LE(asked, 12);
  if (asked === OP_REPLY) head.writeInt32LE(1, 32);
  return Buffer.concat([head, bytes]);
}
