// Inflating is stopped where a chunk's promise ends; Node's own message for that speaks of buffers.

/** The error in words of ours where the output ran over `maxOutputLength`, else as it is. */
export function asOverrun(error: unknown, message: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ERR_BUFFER_TOO_LARGE" ? new Error(message, { cause: error }) : error;
}
