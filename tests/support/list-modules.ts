// Preloaded into mongokeep by a test (`--import`): writes to MODULES_TOLD which modules were loaded.
import fs from "node:fs";
import { registerHooks } from "node:module";

const told = process.env.MODULES_TOLD ?? "/dev/null";
const loaded: string[] = [];
registerHooks({
  load(url, context, next) {
    loaded.push(url);
    return next(url, context);
  },
});

process.on("exit", () => {
  fs.writeFileSync(told, loaded.join("\n"));
});
