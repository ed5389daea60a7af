// Executes the commands of a log under the names to which collections are restored. The effect of each command may
// already exist, because the backup was read while the log was written.
import { embed, rawArray, rawDocument, rawElement, rawString } from "../bson/build.ts";
import { elementOf, withoutFields } from "../bson/edit.ts";
import { TYPE_INT32 } from "../bson/element.ts";
import { fieldsOf } from "../bson/fields.ts";
import { CODES } from "../mongo/server-error.ts";
import { isBornTemporary } from "./operation.ts";
import type { CommandOperation, Place } from "./operation.ts";
import { notAlone, notKnown } from "./replay-error.ts";
import type { About } from "./replay-error.ts";
import { fullName } from "./replay-state.ts";
import type { ReplayState } from "./replay-state.ts";
import { optionsOf, renameElements, rewriteCreate, splitCollMod } from "./rewrite.ts";
import type { Target } from "./rewrite.ts";

type Transactional = "applyOps" | "commitTransaction" | "abortTransaction";
export type PlainCommand = Exclude<CommandOperation, { kind: Transactional }>;

/** @throws KeepError as replayOplog does */
export async function replayCommand(
  state: ReplayState,
  operation: PlainCommand,
  about: About,
): Promise<void> {
  switch (operation.kind) {
    case "dropViews":
      state.views.dropAllOf(operation.database);
      return;
    case "dropDatabase":
      await dropDatabase(state, operation.database, about);
      return;
    case "rename":
      await rename(state, operation.from, operation.to, about);
      return;
    default:
      await onCollection(state, operation, about);
  }
}

type OnCollection = Exclude<PlainCommand, { kind: "dropViews" | "dropDatabase" | "rename" }>;

async function onCollection(
  state: ReplayState,
  operation: OnCollection,
  about: About,
): Promise<void> {
  const { place } = operation;
  const target = state.locate(place);
  if (target === null) {
    state.skipped++;
    return;
  }
  state.applied++;
  if (operation.kind === "create") await create(state, place, target, operation.o, about);
  else if (operation.kind === "drop") await drop(state, place, target, about);
  else if (await state.exists(place, target, about)) await change(state, operation, target, about);
}

async function create(
  state: ReplayState,
  place: Place,
  target: Target,
  o: Buffer,
  about: About,
): Promise<void> {
  const options = optionsOf(o);
  const { catalog, beforeCreate } = state.options;
  if (await state.standing.has(target)) return;
  if (isBornTemporary(o)) state.temporary.set(fullName(place), place);
  await beforeCreate?.(fullName(place), target);
  await state.writer.command(target.database, rewriteCreate(options, target), about);
  // The backup's collection of this name no longer exists, otherwise it would be here.
  catalog.drop(place);
  catalog.create(place, Buffer.from(withoutFields(options, ["idIndex"])));
  state.views.replace({ database: place.database, name: place.collection });
  await state.made(place, target);
}

async function drop(state: ReplayState, place: Place, target: Target, about: About): Promise<void> {
  state.isGone(place);
  state.temporary.delete(fullName(place));
  state.options.catalog.drop(place);
  if (!(await state.standing.has(target))) return;
  await state.writer.command(target.database, [rawString("drop", target.collection)], about, [
    CODES.namespaceNotFound,
  ]);
  await state.removed(place, target);
}

/** Only collections of the backup and the log; anything else in the database is not part of the restore. */
async function dropDatabase(state: ReplayState, database: string, about: About): Promise<void> {
  state.views.dropAllOf(database);
  for (const collection of state.options.catalog.collectionsOf(database))
    await onCollection(
      state,
      { kind: "drop", place: { database, collection, buckets: false } },
      about,
    );
}

async function change(
  state: ReplayState,
  operation: Exclude<OnCollection, { kind: "create" | "drop" }>,
  target: Target,
  about: About,
): Promise<void> {
  const { catalog } = state.options;
  const { place } = operation;
  const run = (elements: readonly Buffer[]) =>
    state.writer.command(target.database, elements, about);
  switch (operation.kind) {
    case "createIndexes":
      catalog.addIndexes(place, operation.indexes);
      return;
    case "dropIndexes":
      catalog.dropIndexes(place, operation.o);
      return;
    case "collMod":
      await modify(state, place, target, operation.o, about);
      return;
    case "convertToCapped":
      catalog.clearIndexes(place);
      await run([rawString("convertToCapped", target.collection), ...sizeOf(operation.o)]);
      return;
    case "emptyCapped":
      await run(deleteAll(target.collection));
  }
}

const sizeOf = (o: Buffer): Buffer[] =>
  [...fieldsOf(o)].filter(({ name }) => name === "size").map((field) => elementOf(o, field));

/** The server's own `emptycapped` exists only for its tests. */
function deleteAll(collection: string): Buffer[] {
  const all = rawDocument(
    embed("q", rawDocument()),
    rawElement(TYPE_INT32, "limit", Buffer.alloc(4)),
  );
  return [rawString("delete", collection), rawArray("deletes", [all])];
}

async function modify(
  state: ReplayState,
  place: Place,
  target: Target,
  o: Buffer,
  about: About,
): Promise<void> {
  const { catalog } = state.options;
  const { elements, index, expiry } = splitCollMod(o);
  const strange = index && catalog.modifyIndex(place, index);
  if (strange !== null) throw notKnown(about, `the change ${JSON.stringify(strange)} of an index`);
  if (expiry) catalog.setExpiry(place, expiry);
  if (elements.length === 0) return;
  await state.writer.command(
    target.database,
    [rawString("collMod", target.collection), ...elements],
    about,
  );
}

async function rename(state: ReplayState, from: Place, to: Place, about: About): Promise<void> {
  const source = state.locate(from);
  const target = state.locate(to);
  if (source === null && target === null) {
    state.skipped++;
    return;
  }
  if (source === null) throw notAlone(from, to, about.at);
  state.applied++;
  state.renamed.push({ from: fullName(from), to: fullName(to) });
  state.temporary.delete(fullName(from));
  // The result of the rename is not restored, and the old name no longer exists.
  if (target === null) await drop(state, from, source, about);
  else await move(state, { place: from, target: source }, { place: to, target }, about);
}

interface Located {
  readonly place: Place;
  readonly target: Target;
}

async function move(state: ReplayState, from: Located, to: Located, about: About): Promise<void> {
  const { catalog, beforeCreate } = state.options;
  state.isGone(from.place);
  state.isGone(to.place);
  if (!(await state.standing.has(from.target))) {
    // The backup already saw it under its new name, or saw neither: then the log drops it later.
    if (!(await state.standing.has(to.target))) state.expectDrop(to.place, about);
    return;
  }
  if (!(await state.standing.has(to.target))) await beforeCreate?.(fullName(to.place), to.target);
  await state.writer.command("admin", renameElements(from.target, to.target), about);
  catalog.drop(to.place);
  catalog.rename(from.place, to.place);
  state.views.replace({ database: to.place.database, name: to.place.collection });
  await state.removed(from.place, from.target);
  await state.made(to.place, to.target);
}

/** What a command started but did not finish before the log ended; the server would drop it at its next start. */
export async function dropTemporary(state: ReplayState, about: Omit<About, "namespace">) {
  for (const place of state.temporary.values()) {
    const target = state.locate(place);
    if (target) await drop(state, place, target, { ...about, namespace: fullName(place) });
  }
}
