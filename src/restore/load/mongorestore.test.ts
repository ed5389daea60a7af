import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutDocuments } from "./mongorestore.ts";

const AT = "2026-11-23T08:47:13.281+0000\t";
const REFUSED =
  "Failed: surg.patients: error restoring from -: E11000 duplicate key error collection: surg.patients index: name dup key: ";

test("what mongorestore says is shown without the values of a refused document", () => {
  const said = `${AT}restoring surg.patients from -\n${AT}${REFUSED}{ name: "Zoe\nZimmer" }`;
  const shown = withoutDocuments(said);
  assert.doesNotMatch(shown, /Zoe|Zimmer/);
  assert.match(shown, /duplicate key error collection: surg.patients index: name/);
});

test("an end that begins in the middle of a value shows nothing of it", () => {
  const shown = withoutDocuments(
    `immer", city: "Aachen" }\n${AT}0 document(s) restored successfully.`,
  );
  assert.equal(shown, `${AT}0 document(s) restored successfully.`);
  assert.equal(withoutDocuments('immer", city: "Aachen" }'), "");
});
