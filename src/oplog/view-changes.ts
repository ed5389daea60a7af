// What a log does to views. A replay does not create them, because they hold no data: at the end the last definitions
// are created, without dropped ones. Pure.
import { elementOf, withField, withoutFields } from "../bson/edit.ts";
import { findElement, findString } from "../bson/element.ts";
import { documentAt, fieldsOf } from "../bson/fields.ts";
import { BUCKETS } from "./operation.ts";
import type { ViewOperation } from "./operation.ts";

/** A view's definition in the form of metadata.json: viewOn, pipeline, collation. */
export interface ViewDefinition {
  readonly database: string;
  readonly name: string;
  readonly options: Uint8Array;
}

const keyOf = ({ database, name }: { database: string; name: string }) => `${database}.${name}`;

export class ViewChanges {
  /** null: dropped. */
  readonly #changed = new Map<string, ViewDefinition | null>();
  readonly #droppedAllOf = new Set<string>();

  /** All views of a database are gone. */
  dropAllOf(database: string): void {
    this.#droppedAllOf.add(database);
    for (const [key, view] of this.#changed)
      if (view?.database === database) this.#changed.set(key, null);
  }

  /**
   * @param known the previous definition, for a change that states only differences @returns false for a change that is
   * not understood
   */
  take(operation: ViewOperation, known: Uint8Array | null): boolean {
    const { database, view: name, change, o } = operation;
    const key = keyOf({ database, name });
    if (change === "delete") {
      this.#changed.set(key, null);
      return true;
    }
    if (isOfSeries(o)) return true;
    const before = this.#changed.get(key)?.options ?? known;
    const options = findElement(o, 0, "$v") ? merged(before, o) : o;
    if (options === null) return false;
    // Copied, because the entry that contains it can be long.
    const own = Buffer.from(withoutFields(Buffer.from(options), ["_id"]));
    this.#changed.set(key, { database, name, options: own });
    return true;
  }

  /** A collection has taken the name. */
  replace(name: { readonly database: string; readonly name: string }): void {
    this.#changed.set(keyOf(name), null);
  }

  /** The views that the log defined or changed and did not drop. */
  get defined(): ViewDefinition[] {
    return [...this.#changed.values()].filter((view) => view !== null);
  }

  /** The views that should exist at the end, given those of the backup. */
  applyTo(views: readonly ViewDefinition[]): ViewDefinition[] {
    const left = views.filter(
      (view) => !this.#changed.has(keyOf(view)) && !this.#droppedAllOf.has(view.database),
    );
    return [...left, ...this.defined];
  }
}

/** The server stores a time series as a view over its buckets. */
function isOfSeries(o: Buffer): boolean {
  return (findString(o, 0, "viewOn") ?? "").startsWith(BUCKETS);
}

/** A definition with the changes of a `$v: 2` update that replaces whole fields; null for any other update. */
function merged(before: Uint8Array | null, o: Buffer): Buffer | null {
  const diff = documentAt(o, "diff");
  if (diff === null || before === null) return null;
  let result = Buffer.from(before);
  for (const { name } of fieldsOf(diff)) {
    const part = documentAt(diff, name);
    if (part === null || !["i", "u", "d"].includes(name)) return null;
    for (const field of fieldsOf(part))
      result =
        name === "d"
          ? Buffer.from(withoutFields(result, [field.name]))
          : Buffer.from(withField(result, field.name, elementOf(part, field)));
  }
  return result;
}
