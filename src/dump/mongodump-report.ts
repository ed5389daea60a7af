// What mongodump says while it works: progress bars, and how many documents of each collection it wrote. Pure.

export interface Reported {
  /** By `database.collection`, once the collection is done. */
  readonly done: ReadonlyMap<string, number>;
  /** Takes a line without its time; true where it told of progress. */
  add(line: string): boolean;
  /** Written so far, in all collections. */
  documents(): number;
}

const DONE = /^done dumping (.+) \((\d+) documents?\)$/s;
const BAR = /^\[[#.]+\]\s+(.+?)\s+(\d+)\/\d+\s/s;

export function createReported(): Reported {
  const done = new Map<string, number>();
  const underway = new Map<string, number>();
  let open: string | null = null;
  return {
    done,
    add(line) {
      // A name with a line break: what follows belongs to it.
      const text: string = open === null ? line : `${open}\n${line}`;
      open = null;
      const [, finished, count] = DONE.exec(text) ?? [];
      if (finished !== undefined) {
        done.set(finished, Number(count));
        return true;
      }
      if (text.startsWith("done dumping ")) open = text;
      const [, namespace, written] = BAR.exec(text) ?? [];
      if (namespace === undefined) return false;
      underway.set(namespace, Number(written));
      return true;
    },
    documents() {
      const running = [...underway].filter(([namespace]) => !done.has(namespace));
      return sum(done.values()) + sum(running.map(([, written]) => written));
    },
  };
}

const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);
