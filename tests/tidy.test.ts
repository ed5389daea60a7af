// House rules of the code. They look at syntax trees, so that a word in a comment or a string breaks none of them.
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join, posix, resolve } from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { fakeSources, modulesOf, nodesOf, readSources } from "./source-files.ts";
import type { Sources } from "./source-files.ts";

interface Ban {
  readonly what: string;
  /** Files, or folders with a slash at the end, that may. */
  readonly except: readonly string[];
  readonly breaks: (node: ts.Node) => boolean;
  /** Each must be found, and nothing in `fine`. */
  readonly wrong: readonly string[];
  readonly fine: readonly string[];
}

/** `object.name` or `object["name"]`. */
function isMember(node: ts.Node, object: string, ...names: string[]): boolean {
  if (ts.isPropertyAccessExpression(node)) {
    return (
      node.expression.getText() === object && (names.length === 0 || names.includes(node.name.text))
    );
  }
  if (!ts.isElementAccessExpression(node) || node.expression.getText() !== object) return false;
  const key = node.argumentExpression;
  return names.length === 0 || (ts.isStringLiteralLike(key) && names.includes(key.text));
}

/** `import { name } from "module"`, or `const { name } = object`. */
function isTaken(node: ts.Node, name: string, ...sources: string[]): boolean {
  if (ts.isImportSpecifier(node)) {
    const module = node.parent.parent.parent.moduleSpecifier;
    return (
      (node.propertyName ?? node.name).text === name &&
      ts.isStringLiteral(module) &&
      sources.includes(module.text)
    );
  }
  if (!ts.isBindingElement(node) || !ts.isVariableDeclaration(node.parent.parent)) return false;
  const object = node.parent.parent.initializer?.getText() ?? "";
  return (node.propertyName ?? node.name).getText() === name && sources.includes(object);
}

const FS = ["node:fs", "node:fs/promises", "fs", "fs/promises"];
const RENAMES = ["rename", "renameSync"];
const isModifier = (node: ts.Node, kind: ts.SyntaxKind) =>
  ts.canHaveModifiers(node) &&
  (ts.getModifiers(node) ?? []).some((modifier) => modifier.kind === kind);

const BANS: readonly Ban[] = [
  {
    what: "process.env outside of config",
    // It hands the environment on to a child and reads nothing from it.
    except: ["config/", "util/child-environment.ts"],
    breaks: (node) =>
      isMember(node, "process", "env") || isTaken(node, "env", "process", "node:process"),
    wrong: [
      "process.env.A;",
      'process["env"];',
      "const { env } = process;",
      'import { env as e } from "node:process";',
    ],
    fine: ["// process.env", 'const a = "process.env";', "other.process.env;"],
  },
  {
    what: "process.exit outside of cli/main",
    except: ["cli/main.ts"],
    breaks: (node) =>
      isMember(node, "process", "exit", "reallyExit", "abort") ||
      isTaken(node, "exit", "process", "node:process"),
    wrong: [
      "process.exit(1);",
      "const { exit } = process;",
      'import { exit } from "node:process";',
    ],
    fine: ["process.exitCode = 1;", 'process.on("exit", () => {});'],
  },
  {
    what: "console outside of report and cli",
    except: ["report/", "cli/"],
    breaks: (node) => isMember(node, "console") || isTaken(node, "log", "console"),
    wrong: ['console.log("x");', 'console["error"]("x");', "const f = console.warn;"],
    fine: ["report.console.log;", "const consoleWidth = 3;"],
  },
  {
    what: "the driver's inside outside of mongo/socket-takeover",
    except: ["mongo/socket-takeover.ts"],
    breaks: (node) =>
      ts.isStringLiteralLike(node) && /^mongodb\/(?:lib|src)(?:\/|$)/.test(node.text),
    wrong: ['import { connect } from "mongodb/lib/cmap/connect.js";', 'require("mongodb/lib/x");'],
    fine: ['import { MongoClient } from "mongodb";', '"see mongodb/lib/x";'],
  },
  {
    what: "rename outside of util/durable-file",
    except: ["util/durable-file.ts"],
    breaks: (node) =>
      RENAMES.some((name) => isTaken(node, name, ...FS)) ||
      (ts.isPropertyAccessExpression(node) &&
        RENAMES.includes(node.name.text) &&
        /^(?:fs|fsp|fsPromises|promises|.*\.promises)$/.test(node.expression.getText())),
    wrong: [
      'import { rename } from "node:fs/promises";',
      'import { renameSync as r } from "fs";',
      "fs.rename(a, b);",
      "fs.promises.rename(a, b);",
    ],
    fine: ["collection.rename(name);", 'import { rename } from "./swap.ts";'],
  },
  {
    what: "the time of day outside of util/clock",
    except: ["util/clock.ts"],
    breaks: (node) =>
      isMember(node, "Date", "now") ||
      (ts.isNewExpression(node) &&
        node.expression.getText() === "Date" &&
        (node.arguments ?? []).length === 0) ||
      (ts.isCallExpression(node) && node.expression.getText() === "Date") ||
      /^Temporal\.Now$/.test(ts.isPropertyAccessExpression(node) ? node.getText() : ""),
    wrong: [
      "Date.now();",
      "new Date();",
      "Date();",
      "const now = Date.now;",
      "Temporal.Now.instant();",
    ],
    fine: ["new Date(ms);", "Date.parse(text);", "performance.now();", "clock.now();"],
  },
  {
    what: "a default export",
    except: [],
    breaks: (node) =>
      (ts.isExportAssignment(node) && node.isExportEquals !== true) ||
      isModifier(node, ts.SyntaxKind.DefaultKeyword) ||
      (ts.isExportSpecifier(node) && node.name.text === "default"),
    wrong: [
      "export default 1;",
      "export default function f() {}",
      "const a = 1; export { a as default };",
    ],
    fine: ['import ts from "typescript";', "switch (a) { default: }"],
  },
  {
    what: "syntax that Node cannot strip: enum, namespace, parameter property",
    except: [],
    breaks: (node) =>
      ts.isEnumDeclaration(node) ||
      ts.isModuleDeclaration(node) ||
      (ts.isParameter(node) && (ts.getModifiers(node) ?? []).length > 0),
    wrong: [
      "enum A { B }",
      "const enum A { B }",
      "namespace A { export const b = 1; }",
      "class A { constructor(private b: number) {} }",
    ],
    fine: [
      'type A = "b" | "c";',
      "class A { private b = 1; constructor(b: number) { this.b = b; } }",
    ],
  },
  {
    what: "an empty catch",
    except: [],
    // A comment in it says why nothing is to be done, and is reason enough.
    breaks: (node) => ts.isCatchClause(node) && /^\{\s*\}$/.test(node.block.getText()),
    wrong: ["try { a(); } catch {}", "try { a(); } catch (error) {\n}"],
    fine: ["try { a(); } catch { /* gone already */ }", "try { a(); } catch (error) { b(error); }"],
  },
];

const isTest = (path: string) => path.endsWith(".test.ts");
const excused = (path: string, except: readonly string[]) =>
  except.some((place) => (place.endsWith("/") ? path.startsWith(place) : path === place));

/** `path:line what` for each place that breaks the ban. Unit tests beside the source may. */
function findBroken(sources: Sources, ban: Ban): string[] {
  return [...sources].flatMap(([path, file]) => {
    if (isTest(path) || excused(path, ban.except)) return [];
    return [...nodesOf(file)]
      .filter((node) => ban.breaks(node))
      .map((node) => `${path}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`);
  });
}

const sources = readSources();
for (const ban of BANS) {
  test(`there is nowhere ${ban.what}`, () => {
    assert.deepEqual(findBroken(sources, ban), []);
  });

  test(`it would be seen: ${ban.what}`, () => {
    for (const text of ban.wrong) {
      assert.notDeepEqual(findBroken(fakeSources({ "jobs/a.ts": text }), ban), [], text);
    }
    for (const text of ban.fine) {
      assert.deepEqual(findBroken(fakeSources({ "jobs/a.ts": text }), ban), [], text);
    }
    for (const place of ban.except) {
      const path = place.endsWith("/") ? `${place}a.ts` : place;
      assert.deepEqual(findBroken(fakeSources({ [path]: ban.wrong.join("\n") }), ban), [], path);
    }
  });
}

/** Files outside of storage/ and util/ that may import node:fs, each with what it touches instead of backups. */
const OWN_FILES: Readonly<Record<string, string>> = {
  "archive/lease.ts": "the lock: renewed in place, which only the local disk can do",
  "archive/lock-holder.ts": "/proc, for whether the holder of the lock lives",
  "archive/lock.ts": "the lock: needs hard links",
  "cli/init-answers.ts": "a file of answers that the user names",
  "cli/place.ts": "the path of this program",
  "cli/program.ts": "package.json",
  "cli/standard-stream.ts": "the terminal",
  "compose.ts": "package.json",
  "config/alert-settings.ts": "a settings file",
  "config/env-file.ts": "the .env file",
  "config/settings.ts": "settings files",
  "config/time-zone.ts": "/etc/localtime",
  "jobs/doctor/permissions.ts": "the rights to the .env file and to BACKUP_DIR",
  "jobs/drill/drill.ts": "a file of checks that the user names",
  "jobs/init/write-env.ts": "the .env file",
  "mongo/open-files.ts": "/proc, for the limit of open files",
  "oplog/spill-file.ts": "a temporary file without a name",
  "restore/record/attempt.ts": "records of restores",
  "restore/record/read-record.ts": "records of restores",
  "restore/record/record-file.ts": "records of restores",
  "schedule/log-target.ts": "the log file",
  "schedule/surroundings.ts": "/proc, and the programs of the system",
  "schedule/systemd-timer.ts": "units of systemd",
  "tools/mongod-binary.ts": "downloaded programs",
  "tools/mongod-process.ts": "the data folder of a temporary server",
  "tools/mongod-wheel.ts": "downloaded programs",
  "tools/pinned-file.ts": "downloaded programs",
  "tools/zip-entry.ts": "downloaded programs",
  "verify/compare-records.ts": "a temporary file without a name",
};

/** Files that import node:fs without being listed, and listed ones that do not. */
function wrongFileAccess(files: Sources): string[] {
  const users = [...files]
    .filter(([path, file]) => !isTest(path) && modulesOf(file).some((name) => FS.includes(name)))
    .map(([path]) => path)
    .filter((path) => !path.startsWith("storage/") && !path.startsWith("util/"));
  const unlisted = users.filter((path) => !(path in OWN_FILES));
  const stale = Object.keys(OWN_FILES).filter((path) => !users.includes(path));
  return [...unlisted, ...stale.map((path) => `${path} needs no exception any more`)];
}

test("backups are read and written through storage/ only: nobody else imports node:fs", () => {
  assert.deepEqual(wrongFileAccess(sources), []);
});

test("it would be seen: file access beside the storage", () => {
  for (const text of [
    `import { readFile } from "node:fs/promises";`,
    `import fs from "fs";`,
    `export { rm } from "node:fs";`,
    `export const a = () => import("node:fs");`,
    `import type { FileHandle } from "fs/promises";`,
  ]) {
    const found = wrongFileAccess(fakeSources({ "verify/a.ts": text }));
    assert.equal(found[0], "verify/a.ts", text);
  }
  const allowed = fakeSources({
    "storage/a.ts": `import "node:fs";`,
    "jobs/a.test.ts": `import "fs";`,
  });
  assert.ok(!wrongFileAccess(allowed).some((line) => line.endsWith("a.ts")));
});

/** Functions that open or list backups: with a default place in tests, never in a job. */
const OPENERS =
  /^(?:listCatalog|openBackup|resolveBackup|resolveAt|createPartial|describeFolder|readSetAside)$/;

/** Calls in jobs that do not say which place they mean: they would pass over its storage and its encryption. */
function withoutPlace(files: Sources): string[] {
  return [...files].flatMap(([path, file]) => {
    if (isTest(path) || !path.startsWith("jobs/")) return [];
    return [...nodesOf(file)]
      .filter((node) => ts.isCallExpression(node))
      .filter((call) => OPENERS.test(call.expression.getText()))
      .filter((call) => !call.arguments.some((one) => /\b(?:place|ON_DISK)$/.test(one.getText())))
      .map((call) => `${path}: ${call.getText()}`);
  });
}

test("each job names the place of the backups that it opens", () => {
  assert.deepEqual(withoutPlace(sources), []);
  const jobs = fakeSources({
    "jobs/a.ts": "await openBackup(path); await listCatalog(root, place);",
    "jobs/b.ts": "resolveBackup(root, ref, wanted, now); openBackup(path, context.place);",
  });
  assert.equal(withoutPlace(jobs).length, 2);
});

/** Files that do not open with a comment on what they are for. */
const unopened = (files: Sources) =>
  [...files]
    .filter(([path, file]) => !isTest(path) && !file.text.startsWith("//"))
    .map(([path]) => path);

test("each file starts with a comment on its purpose", () => {
  assert.deepEqual(unopened(sources), []);
  assert.deepEqual(unopened(fakeSources({ "a.ts": "export const a = 1;", "b.ts": "// B\n" })), [
    "a.ts",
  ]);
});

/** Relative imports without the .ts that Node needs. */
const withoutSuffix = (files: Sources) =>
  [...files].flatMap(([path, file]) =>
    modulesOf(file)
      .filter((module) => module.startsWith(".") && !/\.(?:ts|json)$/.test(module))
      .map((module) => `${path} -> ${module}`),
  );

test("relative imports end in .ts", () => {
  assert.deepEqual(withoutSuffix(sources), []);
  assert.equal(withoutSuffix(fakeSources({ "a.ts": `import "./b"; import "./c.js";` })).length, 2);
});

test("no file has a name that says nothing", () => {
  const vague = /(?:^|\/)(?:utils?|helpers?|types|common|misc|manager)\.ts$/;
  assert.deepEqual(
    [...sources.keys()].filter((path) => vague.test(path)),
    [],
  );
  assert.ok(vague.test("mongo/helpers.ts") && vague.test("utils.ts"));
});

const ROOT = resolve(import.meta.dirname, "..");
const exists = (path: string) => existsSync(join(ROOT, path));

/** Design pages, issue trackers and scripts that a visitor of the repository cannot open. */
const OUTSIDE =
  /(?<!const |\{)\b(?:DESIGN|AMENDMENTS?|PITFALLS|RELIABILITY|STYLE|ORIGINAL|NEXT)\b(?![=(])|\b[Ss]ections? \d|\b[Ii]ssues? #?\d|\bamendments? \d|\bshared\/(?:design|cases)\b/;
/** A page by its path from the root, from the file that names it, or from docs/. Web addresses are left out. */
const PAGE = /(?<![\w/.:-])[\w./-]+\.md\b/g;

/** `path:line text` for each line that sends the reader to something outside of the repository. */
function findOutside(texts: ReadonlyMap<string, string>): string[] {
  return [...texts].flatMap(([path, text]) =>
    text.split("\n").flatMap((line, index) => {
      const missing = [...line.replaceAll(/https?:\/\/\S+/g, "").matchAll(PAGE)].filter(
        ([page]) =>
          ![page, posix.join(posix.dirname(path), page), `docs/${page}`].some(exists) &&
          !page.startsWith("contrib/"),
      );
      const broken = OUTSIDE.test(line) || missing.length > 0;
      return broken ? [`${path}:${index + 1} ${line.trim()}`] : [];
    }),
  );
}

test("no line points to a page outside the repository", () => {
  const paths = globSync(
    "{*.md,docs/*.md,{src,tests,torture,bench,demo,scripts}/**/*.{ts,c,mjs}}",
    {
      cwd: ROOT,
    },
  ).filter((path) => path !== "tests/tidy.test.ts");
  assert.ok(paths.length > 500 && paths.includes("README.md") && paths.includes("docs/cli.md"));
  const texts = new Map(paths.map((path) => [path, readFileSync(join(ROOT, path), "utf8")]));
  assert.deepEqual(findOutside(texts), []);
});

test("a line that points outside the repository is found", () => {
  const broken = [
    "// the rules of DESIGN section 8",
    "// never a silent loss (PITFALLS)",
    "// expiry comes last (AMENDMENTS 12)",
    "// as asked in issue 14",
    "// see docs/design.md",
    "[the style](../STYLE.md)",
  ];
  const fine = [
    "const STYLE = `",
    "// see docs/retention.md and https://example.org/x/spec.md",
    "[the limits](limits.md)",
    "// TOOLS-2931, pgBackRest issue on GitHub",
  ];
  const findIn = (line: string) => findOutside(new Map([["docs/x.md", line]]));
  for (const line of broken) assert.equal(findIn(line).length, 1, line);
  for (const line of fine) assert.deepEqual(findIn(line), [], line);
});

test("docs/architecture.md names every folder of src/", () => {
  const page = readFileSync(join(ROOT, "docs/architecture.md"), "utf8");
  const folders = new Set([...sources.keys()].map((path) => posix.dirname(path)));
  folders.delete(".");
  const unnamed = [...folders].filter((folder) => !page.includes(`\`${folder}\``)).sort();
  assert.ok(folders.size > 15);
  assert.deepEqual(unnamed, []);
});
