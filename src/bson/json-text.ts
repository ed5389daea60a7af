// Parses JSON and keeps every key of an object in order, also repeated ones: JSON.parse moves integer-like keys to the
// front and keeps only the last of repeated keys, which would change a view.

/** An object of a JSON text: its fields in text order. */
export class JsonObject {
  readonly fields: readonly (readonly [string, Json])[];

  constructor(fields: readonly (readonly [string, Json])[]) {
    this.fields = fields;
  }
}

export type Json = JsonObject | Json[] | string | number | boolean | null;

const TOKEN = /\s*(?:([{}[\],:])|("[^"\\]*(?:\\.[^"\\]*)*")|(true|false|null|-?\d[\d.eE+-]*))\s*/y;
const DEEPEST = 400;

/** @throws SyntaxError */
export function parseJson(text: string): Json {
  const tokens = tokenize(text);
  let at = 0;
  const next = () => {
    const token = tokens[at++];
    if (token === undefined) throw new SyntaxError("the JSON text ends too early");
    return token;
  };
  const expect = (wanted: string) => {
    const token = next();
    if (token !== wanted) throw new SyntaxError(`expected ${wanted} in the JSON text`);
  };
  const readItems = (end: string, readItem: () => void) => {
    if (tokens[at] === end) {
      at++;
      return;
    }
    for (;;) {
      readItem();
      const token = next();
      if (token === end) return;
      if (token !== ",") throw new SyntaxError(`expected , or ${end} in the JSON text`);
    }
  };
  const readValue = (depth: number): Json => {
    if (depth > DEEPEST) throw new SyntaxError("the JSON text is nested too deeply");
    const token = next();
    if (token === "{") {
      const fields: [string, Json][] = [];
      readItems("}", () => {
        const key = JSON.parse(next()) as unknown;
        if (typeof key !== "string") throw new SyntaxError("a key in the JSON text is no string");
        expect(":");
        fields.push([key, readValue(depth + 1)]);
      });
      return new JsonObject(fields);
    }
    if (token === "[") {
      const list: Json[] = [];
      readItems("]", () => list.push(readValue(depth + 1)));
      return list;
    }
    return JSON.parse(token) as string | number | boolean | null;
  };
  const value = readValue(0);
  if (at !== tokens.length) throw new SyntaxError("more follows after the JSON text");
  return value;
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw new SyntaxError(`not JSON at character ${start}`);
    tokens.push(match[1] ?? match[2] ?? match[3] ?? "");
  }
  return tokens;
}
