// What the definition of a collection holds that is not carried over, so that a person is warned. Pure.
import type { CollectionMetadata } from "../../archive/metadata.ts";
import { toOrdered } from "../../bson/ordered.ts";
import { isWorthTelling, useOfIndexField, useOfOption } from "../../mongo/definition-fields.ts";

export interface StrangeFields {
  /** Options that no known server has. */
  readonly unknownOptions: readonly string[];
  /** Options and fields of indexes that are left out, or that the server passes over. */
  readonly leftOut: readonly string[];
}

export function strangeFieldsOf(metadata: CollectionMetadata): StrangeFields {
  const options = [...toOrdered(metadata.options).keys()];
  const fields = metadata.indexes.flatMap((raw) => [...toOrdered(raw).keys()]);
  // Servers up to 2.4 kept whatever the command held.
  const isOld = options.includes("create");
  const isStrange = (name: string) => useOfOption(name) === "unknown";
  const leftOut = [
    ...options.filter((name) => useOfOption(name) === "left-out" || (isOld && isStrange(name))),
    ...fields.filter((name) => useOfIndexField(name) !== "sent"),
  ];
  return {
    unknownOptions: isOld ? [] : options.filter(isStrange),
    leftOut: [...new Set(leftOut)].filter(isWorthTelling),
  };
}
