// Classifies one oplog entry without decoding it: raw BSON in, slices of the same bytes out. Pure. What must stay true:
// anything not known for certain is `unknown`, never `ignore`, because skipping an entry would restore a different
// state. Formats: src/mongo/db/repl/oplog_entry.idl of the server's source, versions 5 to 8.
import { documentAt } from "../bson/fields.ts";
import { findString } from "../bson/element.ts";
import { classifyCommand } from "./command-entry.ts";
import { ignore, isServersOwn, placeOf, timeAt, unknown, VIEWS } from "./operation.ts";
import type { OplogEntry, Operation, WriteOperation } from "./operation.ts";

/** Noops, and markers without data of a collection (mongorestore skips the same ones). */
const NO_DATA: readonly string[] = ["n", "km", "ci", "cu", "cd"];

const WRITES = new Map<string, WriteOperation["kind"]>([
  ["i", "insert"],
  ["u", "update"],
  ["d", "delete"],
]);

/** Classifies an entry. @param entry one whole document with checked lengths (validateDocuments) */
export function classifyEntry(entry: Buffer): OplogEntry {
  const at = timeAt(entry, "ts");
  if (at === null) return { ...unknown("an entry without a time"), at: { t: 0, i: 0 } };
  return { ...classifyOperation(entry), at };
}

/** The same for an operation inside applyOps, which has no time of its own. */
export function classifyOperation(operation: Buffer): Operation {
  const op = findString(operation, 0, "op");
  if (op === null) return unknown("an entry without an operation");
  if (NO_DATA.includes(op)) return ignore(op);
  const ns = findString(operation, 0, "ns") ?? "";
  const o = documentAt(operation, "o");
  const dot = ns.indexOf(".");
  if (dot <= 0 || o === null) return unknown(`operation ${JSON.stringify(op)}`);
  const database = ns.slice(0, dot);
  if (op === "c") return classifyCommand(operation, database, o);
  const kind = WRITES.get(op);
  if (!kind) return unknown(`operation ${JSON.stringify(op)}`);
  return classifyWrite(kind, { database, name: ns.slice(dot + 1) }, o, documentAt(operation, "o2"));
}

interface Written {
  readonly database: string;
  readonly name: string;
}

function classifyWrite(
  kind: WriteOperation["kind"],
  { database, name }: Written,
  o: Buffer,
  o2: Buffer | null,
): Operation {
  if (isServersOwn(database, name)) return ignore(`${database}.${name}`);
  const target = kind === "update" ? o2 : o;
  if (target === null) return unknown("an update that does not say of what");
  if (name === VIEWS) return classifyView(kind, database, target, o);
  const place = placeOf(database, name);
  return kind === "update" ? { kind, place, o, o2: target } : { kind, place, o };
}

function classifyView(
  change: WriteOperation["kind"],
  database: string,
  target: Buffer,
  o: Buffer,
): Operation {
  const id = findString(target, 0, "_id") ?? "";
  if (!id.startsWith(`${database}.`)) return unknown(`a write to ${database}.${VIEWS}`);
  return { kind: "view", change, database, view: id.slice(database.length + 1), o };
}
