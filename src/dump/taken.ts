// What of the oplog a dump takes by name. Pure.
import { hasOwnForm } from "../mongo/own-collections.ts";
import { isServersDatabase, ownerOf } from "../mongo/servers-own.ts";
import type { TakenNamespaces } from "../oplog/followed-names.ts";
import type { Listing } from "./listing.ts";
import { isSelected } from "./selected.ts";
import type { Selection } from "./selected.ts";

/** What of the oplog concerns a backup: the same namespaces, also those that come into being after the listing. */
export function takenBy(selection: Selection, listing: Listing): TakenNamespaces {
  const listed = new Set(listing.namespaces.map((n) => `${n.database}.${n.name}`));
  // The cluster's settings are kept as they were read.
  const database = (name: string) =>
    !isServersDatabase(name) && (selection.databases?.includes(name) ?? true);
  return {
    database,
    collection: (of, name) =>
      database(of) &&
      isSelected(selection, of, name) &&
      // A change of the feature compatibility version is followed, because no replay may make it.
      (ownerOf(of, name) === "data" || `${of}.${name}` === "admin.system.version") &&
      // What a restore puts beside the live collections; one without a marker is the user's, and listed.
      (!hasOwnForm(name) || listed.has(`${of}.${name}`)),
    temporary: new Set(
      listing.leftOut.flatMap((one) => (one.because === "temporary" ? [one.namespace] : [])),
    ),
  };
}
