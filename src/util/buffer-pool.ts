// Large buffers that are reused: V8 frees external memory late, so new 16 MB buffers for each message would let the
// memory of a long dump grow by hundreds of megabytes.

export interface BufferPool {
  /** A buffer of at least `bytes`; its content is arbitrary. */
  take(bytes: number): Buffer;
  /** Returns a buffer. The caller must not use it, or a view of it, afterwards. */
  give(buffer: Buffer): void;
  /** Releases all idle buffers. */
  clear(): void;
}

const SMALLEST = 1 << 16;

/** Buffers in powers of two from 64 KiB; keeps at most `keepBytes` for reuse. */
export function createBufferPool(keepBytes: number): BufferPool {
  const idle = new Map<number, Buffer[]>();
  let kept = 0;
  return {
    take(bytes) {
      const size = Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(bytes)));
      const buffer = idle.get(size)?.pop();
      if (!buffer) return Buffer.allocUnsafeSlow(size);
      kept -= size;
      return buffer;
    },
    give(buffer) {
      const size = buffer.length;
      if (kept + size > keepBytes) return;
      const row = idle.get(size);
      if (row) row.push(buffer);
      else idle.set(size, [buffer]);
      kept += size;
    },
    clear() {
      idle.clear();
      kept = 0;
    },
  };
}
