// Branch coverage of what a mistake in would lose data: archive, bson, retention, and the journal of restores.
// Node's own coverage of a chosen set of tests, a minute or two: the unit tests of these folders, and the test of the
// swap on a real server. Command lines that the integration tests start are merged in as well (tests/support/cli.ts
// hands them NODE_V8_COVERAGE), but for those that are killed: add such files as arguments to see what they reach.
// Fails where a group is below the least, or a test fails.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const LEAST_PERCENT = 95;
const GROUPS: Readonly<Record<string, RegExp>> = {
  archive: /^src\/archive\//,
  bson: /^src\/bson\//,
  retention: /^src\/retention\//,
  "restore journal": /^src\/restore\//,
};
const MEASURED = [
  "src/{archive,bson,retention}/**",
  "src/restore/record/{record-file,record-state,step}.ts",
  "src/restore/swap/{swap-plan,swap}.ts",
];
const TESTS = [
  "src/{archive,bson,retention,restore}/**/*.test.ts",
  "tests/integration/swap.test.ts",
];

interface Branches {
  readonly file: string;
  readonly all: number;
  readonly covered: number;
  /** Lines with a branch that no test takes. */
  readonly lines: readonly number[];
}

function runTests(lcov: string): boolean {
  const reports = ["dot", "stdout", "lcov", lcov];
  const run = spawnSync(
    process.execPath,
    [
      "--test",
      "--test-global-setup=tests/support/global-setup.ts",
      "--experimental-test-coverage",
      "--test-coverage-exclude=**/*.test.ts",
      ...MEASURED.map((glob) => `--test-coverage-include=${glob}`),
      ...reports.map((to, i) => `--test-reporter${i % 2 === 0 ? "" : "-destination"}=${to}`),
      ...TESTS,
      ...process.argv.slice(2),
    ],
    {
      stdio: "inherit",
      cwd: join(import.meta.dirname, ".."),
      // Of code that comes out of Node's cache it counts less exactly.
      env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: "1" },
    },
  );
  return run.status === 0;
}

/** BRF and BRH leave out the lines that are marked with `node:coverage ignore next`; BRDA does not. */
function readLcov(text: string): Branches[] {
  const records = text.split("end_of_record").filter((record) => record.includes("SF:"));
  return records.map((record) => {
    const one = (key: string) => new RegExp(`^${key}:(.*)$`, "m").exec(record)?.[1] ?? "0";
    const missed = [...record.matchAll(/^BRDA:(\d+),\d+,\d+,0$/gm)].map(([, line]) => Number(line));
    return { file: one("SF"), all: +one("BRF"), covered: +one("BRH"), lines: [...new Set(missed)] };
  });
}

const percent = (files: readonly Branches[]): number => {
  const sum = (key: "all" | "covered") => files.reduce((total, file) => total + file[key], 0);
  return (100 * sum("covered")) / Math.max(1, sum("all"));
};

function report(files: readonly Branches[]): boolean {
  for (const one of files.filter(({ all, covered }) => covered < all))
    console.log(`${percent([one]).toFixed(1).padStart(6)} %  ${one.file}: ${one.lines.join(" ")}`);
  const groups = Object.entries(GROUPS).map(
    ([name, own]) => [name, files.filter(({ file }) => own.test(file))] as const,
  );
  for (const [name, own] of [...groups, ["all of them", files] as const])
    console.log(`${percent(own).toFixed(2).padStart(6)} %  of the branches of ${name}`);
  return groups.every(([, own]) => percent(own) >= LEAST_PERCENT);
}

const folder = mkdtempSync(join(tmpdir(), "mk-coverage-"));
try {
  const lcov = join(folder, "lcov");
  const passed = runTests(lcov);
  const enough = report(readLcov(readFileSync(lcov, "utf8")));
  if (!enough) console.log(`a group is below ${LEAST_PERCENT} %`);
  process.exitCode = passed && enough ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}
