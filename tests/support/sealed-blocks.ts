// A transform for tests that has the shape of the encryption to come: a random file key, then blocks of 64 KiB, each
// sealed by AES-256-GCM. Stored files are longer than their content, and any range of it needs only its own blocks.
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import type { Transform, TransformedFile } from "../../src/archive/place.ts";
import { KeepError } from "../../src/errors.ts";
import { readExactly } from "../../src/storage/ranges.ts";

const SALT_BYTES = 16;
const TAG_BYTES = 16;
const BLOCK_BYTES = 64 * 1024;
const SEALED_BYTES = BLOCK_BYTES + TAG_BYTES;

export function sealedBlocks(key: Buffer): Transform {
  return {
    encryption: { method: "sealed-blocks" },
    write: () => sealing(key),
    read: (stored) => opening(key, stored),
  };
}

const fileKey = (key: Buffer, salt: Buffer) => createHmac("sha256", key).update(salt).digest();

/** The last block has a mark of its own: a file that is cut at a block's end is seen. */
function nonce(block: number, isLast: boolean): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(block, 4);
  bytes[11] = isLast ? 1 : 0;
  return bytes;
}

function sealing(key: Buffer): ReturnType<Transform["write"]> {
  const salt = randomBytes(SALT_BYTES);
  const own = fileKey(key, salt);
  let waiting: Buffer = Buffer.alloc(0);
  let head: Buffer | null = salt;
  let block = 0;
  const seal = (bytes: Buffer, isLast: boolean) => {
    const cipher = createCipheriv("aes-256-gcm", own, nonce(block++, isLast));
    return Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
  };
  const take = (sealed: readonly Buffer[]) => {
    const bytes = Buffer.concat(head ? [head, ...sealed] : sealed);
    head = null;
    return bytes;
  };
  return {
    update(bytes) {
      waiting = Buffer.concat([waiting, bytes]);
      const sealed: Buffer[] = [];
      // A full block waits until more follows: only then it is known not to be the last.
      for (; waiting.length > BLOCK_BYTES; waiting = waiting.subarray(BLOCK_BYTES))
        sealed.push(seal(waiting.subarray(0, BLOCK_BYTES), false));
      return take(sealed);
    },
    end: () => take([seal(waiting, true)]),
  };
}

async function opening(key: Buffer, stored: TransformedFile): Promise<TransformedFile> {
  const sealedBytes = stored.bytes - SALT_BYTES;
  const blocks = Math.ceil(sealedBytes / SEALED_BYTES);
  if (sealedBytes < TAG_BYTES) throw new KeepError("damaged", "the file is cut short");
  const bytes = sealedBytes - blocks * TAG_BYTES;
  const own = fileKey(key, await readExactly(stored, 0, SALT_BYTES));
  let opened: { readonly block: number; readonly content: Buffer } | null = null;
  const openBlock = async (block: number): Promise<Buffer> => {
    if (opened?.block === block) return opened.content;
    const at = SALT_BYTES + block * SEALED_BYTES;
    const sealed = await readExactly(stored, at, Math.min(SEALED_BYTES, stored.bytes - at));
    const cipher = createDecipheriv("aes-256-gcm", own, nonce(block, block === blocks - 1));
    cipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    try {
      const content = Buffer.concat([
        cipher.update(sealed.subarray(0, -TAG_BYTES)),
        cipher.final(),
      ]);
      opened = { block, content };
      return content;
    } catch (error) {
      throw new KeepError("damaged", "a block of the file cannot be decrypted", { cause: error });
    }
  };
  return {
    bytes,
    async read(buffer, offset, length, position) {
      if (position >= bytes || length === 0) return { bytesRead: 0 };
      const content = await openBlock(Math.floor(position / BLOCK_BYTES));
      const from = position % BLOCK_BYTES;
      return { bytesRead: content.copy(buffer, offset, from, from + length) };
    },
  };
}
