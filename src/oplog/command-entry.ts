// The commands in an oplog (`op: "c"`), distinguished by the first field of `o`. Pure.
import { findElement, findString, TYPE_INT64 } from "../bson/element.ts";
import { documentAt, documentsOf, fieldsOf, firstField, isTrue, stringOf } from "../bson/fields.ts";
import { isNumeric, smallOf } from "../bson/number.ts";
import { useOfChange, useOfOption } from "../mongo/definition-fields.ts";
import { ignore, isServersOwn, placeOf, timeAt, unknown, VIEWS } from "./operation.ts";
import type { CommandOperation, Operation, TransactionPart } from "./operation.ts";

/** Commands that do not change what a backup holds: an index counts when its build is committed. */
const WITHOUT_EFFECT: readonly string[] = [
  "startIndexBuild",
  "abortIndexBuild",
  "setMultikeyMetadata",
  "dropIdent",
  "dbCheck",
];

/** Parses a command in the database that the entry names; `raw` is the whole entry. */
export function classifyCommand(raw: Buffer, database: string, o: Buffer): Operation {
  const first = firstField(o);
  if (first === null) return unknown("a command without a name");
  const { name: command } = first;
  if (WITHOUT_EFFECT.includes(command)) return ignore(command);
  if (command === "applyOps") return classifyApplyOps(raw, o);
  if (command === "commitTransaction" || command === "abortTransaction") {
    const key = transactionKey(raw);
    return key === null ? unknown(`${command} without its transaction`) : { kind: command, key };
  }
  if (database === "local") return ignore("local");
  if (command === "dropDatabase") return { kind: "dropDatabase", database };
  if (command === "renameCollection") return classifyRename(o);
  const collection = stringOf(o, first);
  if (collection === null) return unknown(`command ${JSON.stringify(command)}`);
  if (isServersOwn(database, collection)) return ignore(`${command} ${database}.${collection}`);
  return classifyOnCollection(command, database, collection, o);
}

function classifyOnCollection(
  command: string,
  database: string,
  collection: string,
  o: Buffer,
): Operation {
  if (collection === VIEWS) return classifyOnViews(command, database);
  const place = placeOf(database, collection);
  switch (command) {
    case "create":
    case "collMod":
      return strangeField(command, `${database}.${collection}`, o) ?? { kind: command, place, o };
    case "convertToCapped":
      return { kind: command, place, o };
    case "drop":
      return { kind: "drop", place };
    case "emptycapped":
      return { kind: "emptyCapped", place };
    case "createIndexes":
    case "commitIndexBuild":
      return classifyIndexes(command, place, o);
    case "dropIndexes":
    case "deleteIndexes":
    case "dropIndex":
    case "deleteIndex":
      return { kind: "dropIndexes", place, o };
    default:
      return unknown(`command ${JSON.stringify(command)}`);
  }
}

/** A field that no known server writes, so its effect is unknown. Views are written to their own collection. */
function strangeField(
  command: "create" | "collMod",
  namespace: string,
  o: Buffer,
): Operation | null {
  const use = command === "create" ? useOfOption : useOfChange;
  const isStrange = (name: string) =>
    use(name) === "unknown" || name === "viewOn" || name === "pipeline";
  const [, ...fields] = [...fieldsOf(o)];
  const strange = fields.find(({ name }) => isStrange(name));
  return strange
    ? unknown(`the field ${JSON.stringify(strange.name)} of ${command} ${namespace}`)
    : null;
}

/** The server creates the collection of all views itself. */
function classifyOnViews(command: string, database: string): Operation {
  if (command === "create" || command.endsWith("Indexes")) return ignore(`${command} ${VIEWS}`);
  if (command === "drop") return { kind: "dropViews", database };
  return unknown(`command ${JSON.stringify(command)} on ${database}.${VIEWS}`);
}

function classifyRename(o: Buffer): Operation {
  const from = split(findString(o, 0, "renameCollection"));
  const to = split(findString(o, 0, "to"));
  if (from === null || to === null) return unknown("a rename without names");
  // Views never move: the server refuses to rename them and their collection.
  if (from.collection === VIEWS || to.collection === VIEWS) return unknown(`a rename of ${VIEWS}`);
  return { kind: "rename", from, to };
}

function split(namespace: string | null) {
  const dot = namespace?.indexOf(".") ?? -1;
  if (namespace === null || dot <= 0) return null;
  return placeOf(namespace.slice(0, dot), namespace.slice(dot + 1));
}

/** createIndexes holds one definition next to its own name, commitIndexBuild several in an array. */
function classifyIndexes(
  command: "createIndexes" | "commitIndexBuild",
  place: ReturnType<typeof placeOf>,
  o: Buffer,
): Operation {
  const array = documentAt(o, "indexes");
  if (array === null && command === "createIndexes" && documentAt(o, "key") !== null)
    return { kind: "createIndexes", place, indexes: [withoutFirst(o)] };
  const indexes = array && documentsOf(array);
  return indexes
    ? { kind: "createIndexes", place, indexes }
    : unknown(`${command} without indexes`);
}

/** A document without its first element. */
export function withoutFirst(o: Buffer): Buffer {
  const first = firstField(o);
  if (first === null) return o;
  const rest = o.subarray(first.end);
  const head = Buffer.alloc(4);
  head.writeInt32LE(rest.length + 4, 0);
  return Buffer.concat([head, rest]);
}

function classifyApplyOps(raw: Buffer, o: Buffer): Operation {
  const array = documentAt(o, "applyOps");
  const operations = array && documentsOf(array);
  if (!operations) return unknown("applyOps without operations");
  const transaction = transactionOf(raw, o);
  return { kind: "applyOps", operations, transaction } satisfies CommandOperation;
}

/** Retryable writes that the server grouped (`multiOpType: 1`) look like a transaction but apply at once. */
function transactionOf(raw: Buffer, o: Buffer): TransactionPart | null {
  const key = transactionKey(raw);
  if (key === null || numberIn(raw, "multiOpType") === 1) return null;
  const previous = documentAt(raw, "prevOpTime");
  const time = previous && timeAt(previous, "ts");
  return {
    key,
    partial: isTrue(o, "partialTxn"),
    prepare: isTrue(o, "prepare"),
    previous: time && (time.t > 0 || time.i > 0) ? time : null,
    count: numberIn(o, "count"),
  };
}

/** The session and number of a transaction; null if the entry belongs to none. */
function transactionKey(raw: Buffer): string | null {
  const lsid = documentAt(raw, "lsid");
  const number = findElement(raw, 0, "txnNumber");
  if (lsid === null || number?.type !== TYPE_INT64) return null;
  return `${lsid.toString("base64")}:${raw.readBigInt64LE(number.at)}`;
}

function numberIn(b: Buffer, name: string): number | null {
  const found = findElement(b, 0, name);
  return found && isNumeric(found.type) ? smallOf(b, found.type, found.at) : null;
}
