// A process that starts a server and ends without stopping it, in the way that its second argument says.
import { startMongod } from "../../src/tools/throwaway-mongod.ts";

const [binary = "", how = "exit"] = process.argv.slice(2);
const { pid, dbPath } = await startMongod({ binary, topology: "standalone" });
process.stdout.write(JSON.stringify({ pid, dbPath }), () => {
  if (how !== "exit") process.kill(process.pid, how);
});
