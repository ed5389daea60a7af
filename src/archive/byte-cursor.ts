// A place in a stream of blocks, for a parser that needs so and so many bytes before it can go on.

export class ByteCursor implements AsyncDisposable {
  readonly #blocks: AsyncIterator<Buffer>;
  #buffered: Buffer = Buffer.alloc(0);
  #position = 0;
  #ended = false;

  constructor(blocks: AsyncIterable<Buffer>) {
    this.#blocks = blocks[Symbol.asyncIterator]();
  }

  /** Bytes taken so far. */
  get position(): number {
    return this.#position;
  }

  /** What has been read and not been taken. */
  get buffered(): Buffer {
    return this.#buffered;
  }

  /** Reads on until so many bytes are buffered; false where the stream ends before. */
  async has(bytes: number): Promise<boolean> {
    const waiting: Buffer[] = [];
    let missing = bytes - this.#buffered.length;
    while (missing > 0 && !this.#ended) {
      const next = await this.#blocks.next();
      if (next.done === true) {
        this.#ended = true;
        break;
      }
      waiting.push(next.value);
      missing -= next.value.length;
    }
    // Joined once: a document of many small blocks stays cheap.
    if (waiting.length > 0) this.#buffered = Buffer.concat([this.#buffered, ...waiting]);
    return missing <= 0;
  }

  /** Takes bytes that are buffered. They are never written to again. */
  take(bytes: number): Buffer {
    const taken = this.#buffered.subarray(0, bytes);
    this.#buffered = this.#buffered.subarray(bytes);
    this.#position += taken.length;
    return taken;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#blocks.return?.();
  }
}
