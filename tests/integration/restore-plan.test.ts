// What a person decides by before a restore: the plan, with what is there now and what will be.
import assert from "node:assert/strict";
import { BSON } from "mongodb";
import type { Document } from "mongodb";
import { withDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { runStockTool } from "../support/stock-tools.ts";
import { workspace } from "../support/workspace.ts";

const made = (iso: string) => BSON.ObjectId.createFromTime(Date.parse(iso) / 1_000);
const FRIDAY = "2026-11-20T18:00:00.000Z";
const MONDAY = "2026-11-23T01:59:00.000Z";

requires(
  { topology: "replicaSet" },
  "the plan says of each collection how much and how new it is, now and then, of stock dumps too",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri, BACKUP_TIMEZONE: "UTC" });
    const patients = fresh.db.collection("patients");
    const codes = fresh.db.collection("codes");
    await patients.insertMany([{ _id: made("2026-11-19T00:00:00Z") }, { _id: made(FRIDAY) }]);
    await codes.insertOne({ _id: "A1" as never });
    assert.equal((await place.run(["backup"])).code, 0);
    const dump = place.at("dump");
    const from = `--uri=${withDatabase(fresh.serverUri, fresh.name)}`;
    await runStockTool("mongodump", [from, `--out=${dump}`]);
    await patients.insertOne({ _id: made(MONDAY) });
    await patients.createIndex({ mrn: 1 });
    for (const backup of ["latest", dump]) {
      const { plan } = (await place.run(["restore", backup, "--json"])).json() as {
        plan: Document;
      };
      const [code, patient] = plan.collections as [Document, Document];
      assert.equal(patient.documents, 2);
      assert.equal(patient.rawBytes, 44);
      assert.equal(patient.newestId, FRIDAY);
      assert.equal(patient.live.documents, 3);
      assert.equal(patient.live.newestId, MONDAY);
      assert.equal(patient.live.indexes, 2);
      assert.equal(code.newestId, null);
      assert.equal(plan.totals.documents, 3);
    }
    const { stdout } = await place.run(["restore", "latest"]);
    assert.match(stdout, /patients +3 .*2026-11-23 01:59.* 2 .*2026-11-20 18:00/);
    assert.match(stdout, /codes +1 +\S+ B +\? +1 +\S+ B +\?/);
    assert.match(stdout, /indexes +\S+\.patients 2 now, 1 then/);
  },
);
