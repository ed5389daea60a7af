// A bad network between mongokeep and a server: a TCP proxy that cuts, stalls, slows down or refuses.
// What must stay true: without faults it changes nothing, and every byte it lets pass is in its place.
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { atEnd } from "./temporary.ts";
import type { Cleanup } from "./temporary.ts";

/** What happens to the bytes that come from the server. May be changed at any time, also while they flow. */
export interface Faults {
  /** A connection is reset after so many bytes of the server. */
  cutAfterBytes?: number | undefined;
  /** A connection stays open, and passes nothing any more after so many bytes of the server. */
  stallAfterBytes?: number | undefined;
  /** Each connection is held to this rate. */
  bytesPerSecond?: number | undefined;
  /** Every byte is a packet of its own. */
  oneByteAtATime?: boolean | undefined;
  /** New connections are closed at once. */
  refuse?: boolean | undefined;
}

export interface TcpProxyOptions {
  readonly to: { readonly host: string; readonly port: number };
  /** What all connections suffer from; default: nothing. */
  readonly faults?: Faults;
  /** Faults of one connection alone, by its number from 1; undefined: those of all. */
  readonly onConnection?: (number: number) => Faults | undefined;
  /** Called after each cut: the place to choose the next one. */
  readonly onCut?: (cuts: number) => void;
}

export interface TcpProxy {
  readonly port: number;
  readonly faults: Faults;
  /** `uri` with the proxy in place of its host, and no other member asked. */
  through(uri: string): string;
  connections(): number;
  cuts(): number;
  /** Bytes of the server that were passed on, all connections together. */
  passed(): number;
  /** Resets all connections that are open now. */
  cutAll(): void;
  stop(): Promise<void>;
}

/** Listens on a free port of this machine until the test is over. */
export async function startTcpProxy(t: Cleanup, options: TcpProxyOptions): Promise<TcpProxy> {
  const proxy = new Proxying(options);
  await proxy.listen();
  atEnd(t, () => proxy.stop());
  return proxy;
}

class Proxying implements TcpProxy {
  readonly faults: Faults;
  readonly #options: TcpProxyOptions;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #connections = 0;
  #cuts = 0;
  #passed = 0;

  constructor(options: TcpProxyOptions) {
    this.#options = options;
    this.faults = { ...options.faults };
    this.#server = createServer((client) => {
      this.#accept(client);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  through(uri: string): string {
    const url = new URL(uri);
    url.host = `127.0.0.1:${this.port}`;
    url.searchParams.delete("replicaSet");
    url.searchParams.set("directConnection", "true");
    return url.toString();
  }

  connections = () => this.#connections;
  cuts = () => this.#cuts;
  passed = () => this.#passed;

  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  cutAll(): void {
    for (const socket of this.#open) socket.resetAndDestroy();
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.cutAll();
    await closed;
  }

  #accept(client: Socket): void {
    this.#connections++;
    const faults = this.#options.onConnection?.(this.#connections) ?? this.faults;
    if (faults.refuse === true) {
      client.destroy();
      return;
    }
    const server = connect({ ...this.#options.to, noDelay: true });
    client.setNoDelay(true);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#open.add(one);
      one.on("error", () => undefined);
      one.on("close", () => {
        this.#open.delete(one);
        other.destroy();
      });
    }
    client.pipe(server);
    // Errors end both sockets, which is all there is to do about them.
    void this.#relay(server, client, faults).catch(() => undefined);
  }

  async #relay(from: Socket, to: Socket, faults: Faults): Promise<void> {
    let sent = 0;
    for await (const chunk of from as AsyncIterable<Buffer>) {
      let rest = chunk;
      while (rest.length > 0) {
        const place = Math.min(
          (faults.cutAfterBytes ?? Infinity) - sent,
          (faults.stallAfterBytes ?? Infinity) - sent,
        );
        const piece = rest.subarray(0, Math.max(0, Math.min(place, pieceOf(faults))));
        await this.#send(to, piece, faults);
        sent += piece.length;
        rest = rest.subarray(piece.length);
        if (sent >= (faults.stallAfterBytes ?? Infinity)) await once(from, "close");
        if (sent >= (faults.cutAfterBytes ?? Infinity)) {
          this.#cut(from, to);
          return;
        }
      }
    }
    to.end();
  }

  async #send(to: Socket, piece: Buffer, faults: Faults): Promise<void> {
    if (piece.length === 0) return;
    this.#passed += piece.length;
    await new Promise<void>((resolve, reject) => {
      to.write(piece, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
    if (faults.bytesPerSecond !== undefined)
      await sleep((piece.length / faults.bytesPerSecond) * 1000);
  }

  #cut(from: Socket, to: Socket): void {
    this.#cuts++;
    this.#options.onCut?.(this.#cuts);
    from.resetAndDestroy();
    to.resetAndDestroy();
  }
}

/** Slow ones in small pieces, so that the rate is even. */
function pieceOf({ oneByteAtATime, bytesPerSecond }: Faults): number {
  if (oneByteAtATime === true) return 1;
  return bytesPerSecond === undefined ? Infinity : Math.max(1, Math.ceil(bytesPerSecond / 50));
}
