// Two files for the same, plain and compressed, as two runs of mongodump into one folder leave them: one is used where
// both hold the same. What must stay true: of two, the file that is named is the one that cannot be read.
import { basename } from "node:path";
import { KeepError } from "../errors.ts";

export interface TwinFile<T> {
  /** Within the dump, as a person is told. */
  readonly name: string;
  readonly file: T;
}

/**
 * @param read what of a file counts
 * @throws KeepError damaged, with `file`: one of them cannot be read, or they do not hold the same
 */
export async function assertSame<T>(
  used: TwinFile<T>,
  other: TwinFile<T>,
  read: (file: T) => Promise<string>,
): Promise<void> {
  const one = await contentOf(used, read);
  const two = await contentOf(other, read);
  if (one.damage && two.damage) throw bothDamaged(used.name, other.name, one.damage, two.damage);
  if (one.damage) throw oneDamaged(used.name, other.name, one.damage);
  if (two.damage) throw oneDamaged(other.name, used.name, two.damage);
  if (one.content === two.content) return;
  const problem = `it is there beside ${quoted(used.name)}, and holds something else`;
  const hint = "Take the file that is not meant out of the folder.";
  throw new KeepError("damaged", `${other.name}: ${problem}`, {
    hint,
    details: { file: other.name },
  });
}

const quoted = (name: string) => JSON.stringify(basename(name));

interface Content {
  readonly content: string | null;
  readonly damage: KeepError | null;
}

async function contentOf<T>(
  { file }: TwinFile<T>,
  read: (file: T) => Promise<string>,
): Promise<Content> {
  try {
    return { content: await read(file), damage: null };
  } catch (error) {
    if (!(error instanceof KeepError) || error.code !== "damaged") throw error;
    return { content: null, damage: error };
  }
}

function oneDamaged(bad: string, good: string, damage: KeepError): KeepError {
  const hint = `Take ${quoted(bad)} out of the folder: ${quoted(good)} is of the same, and can be read to its end. Look first whether it is the one that is meant.`;
  return damaged(
    bad,
    `it cannot be compared with ${quoted(good)}: ${damage.message}`,
    hint,
    damage,
  );
}

function bothDamaged(a: string, b: string, damage: KeepError, other: KeepError): KeepError {
  const problem = `it is damaged (${damage.message}), and so is ${quoted(b)} (${other.message})`;
  const hint = `Neither can be read to its end: take both out of the folder to restore the rest, or copy a whole ${quoted(a)} there and take ${quoted(b)} out.`;
  return damaged(a, problem, hint, damage);
}

function damaged(file: string, problem: string, hint: string, cause: KeepError): KeepError {
  return new KeepError("damaged", `${file}: ${problem}`, { hint, details: { file }, cause });
}
