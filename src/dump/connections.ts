// The raw connections of one dump: used again by the next collection, and all to one member while it answers,
// so that one member's cache and load bear the dump.
import type { ReadPreferenceMode } from "mongodb";
import { KeepError } from "../errors.ts";
import type { Emit } from "../events.ts";
import type { Deployment, RawConnection } from "../mongo/deployment.ts";
import type { Member } from "../mongo/socket-takeover.ts";
import { READ_LIMITS } from "./read-watch.ts";
import type { ReadLimits } from "./read-watch.ts";

export interface ConnectionOptions {
  readonly readPreference: ReadPreferenceMode;
  /** Members that are read only where there is no other one (readers.ts). */
  readonly avoid?: ReadonlySet<string>;
  readonly limits?: ReadLimits | undefined;
  readonly emit: Emit;
}

export class DumpConnections implements Disposable {
  readonly deployment: Deployment;
  readonly limits: ReadLimits;
  readonly #readPreference: ReadPreferenceMode;
  readonly #avoid: Set<string>;
  readonly #emit: Emit;
  readonly #idle: RawConnection[] = [];
  #member: Member | null = null;

  private constructor(deployment: Deployment, options: ConnectionOptions) {
    this.deployment = deployment;
    this.limits = options.limits ?? READ_LIMITS;
    this.#readPreference = options.readPreference;
    this.#avoid = new Set(options.avoid);
    this.#emit = options.emit;
  }

  /** Chooses the member. @throws KeepError unreachable, login-failed */
  static async open(deployment: Deployment, options: ConnectionOptions): Promise<DumpConnections> {
    const connections = new DumpConnections(deployment, options);
    connections.give(await connections.take(null));
    return connections;
  }

  /** A member that stands still is read no more where there is another one. */
  avoid({ address, name }: Member): void {
    if (this.#member?.name === name) this.#member = null;
    if (this.#avoid.has(address.toLowerCase())) return;
    this.#avoid.add(address.toLowerCase());
    this.#emit({
      kind: "log",
      level: "warn",
      code: "member-stuck",
      message: `the member ${name} stands still: what is not read yet is read from another member, the primary if need be`,
    });
  }

  isAvoided({ address }: Member): boolean {
    return this.#avoid.has(address.toLowerCase());
  }

  /** Who is read; null where public cursors must do, each of which chooses for itself. */
  get member(): Member | null {
    return this.#member;
  }

  /**
   * One to `member` and no other; without it to the member that is read already, or another one where that is
   * gone. null where public cursors must do.
   * @throws KeepError unreachable, login-failed
   */
  async take(member: Member | null): Promise<RawConnection | null> {
    const wanted = member ?? this.#member;
    const idle = this.#idle.findIndex((raw) => raw.member.name === wanted?.name);
    const [again] = idle < 0 ? [] : this.#idle.splice(idle, 1);
    if (again) return again;
    if (member) return await this.deployment.openReader(member);
    const raw = await this.#open();
    this.#member = raw?.member ?? null;
    return raw;
  }

  async #open(): Promise<RawConnection | null> {
    const prefer = this.#readPreference;
    const anyOne = () => this.deployment.openReader({ prefer, avoid: this.#avoid });
    if (!this.#member) return await anyOne();
    try {
      return await this.deployment.openReader(this.#member);
    } catch (error) {
      if (!(error instanceof KeepError) || error.code !== "unreachable") throw error;
      this.#member = null;
      return await anyOne();
    }
  }

  /** Back after a read that went through to its end. */
  give(raw: RawConnection | null): void {
    if (raw) this.#idle.push(raw);
  }

  /** Closes one that failed, and the idle ones, which have gone the same way if the server has. */
  drop(raw: RawConnection | null): void {
    raw?.[Symbol.dispose]();
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const raw of this.#idle.splice(0)) raw[Symbol.dispose]();
  }
}
