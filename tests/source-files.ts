// The sources as TypeScript's own parser sees them, for the tests that hold the architecture (layers, tidy).
import { globSync, readFileSync } from "node:fs";
import { join, posix, resolve } from "node:path";
import ts from "typescript";

/** Path from src/ with slashes → parsed file. */
export type Sources = ReadonlyMap<string, ts.SourceFile>;

const SRC = resolve(import.meta.dirname, "../src");

export function parseSource(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
}

/** All of src/, unit tests included. */
export function readSources(): Sources {
  const paths = globSync("**/*.ts", { cwd: SRC });
  return new Map(
    paths.map((path) => [path, parseSource(path, readFileSync(join(SRC, path), "utf8"))]),
  );
}

/** What a test writes in place of src/: path → text. */
export function fakeSources(texts: Readonly<Record<string, string>>): Sources {
  return new Map(Object.entries(texts).map(([path, text]) => [path, parseSource(path, text)]));
}

export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node;
  for (const child of node.getChildren()) yield* nodesOf(child);
}

/** Every module that a file names: import, export … from, import(), import type, require(). */
export function modulesOf(file: ts.SourceFile): string[] {
  return [...nodesOf(file)].flatMap((node) => {
    const named = moduleOf(node);
    return named && ts.isStringLiteralLike(named) ? [named.text] : [];
  });
}

function moduleOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
    return node.argument.literal;
  if (!ts.isCallExpression(node)) return undefined;
  const callee = node.expression;
  const isImport = callee.kind === ts.SyntaxKind.ImportKeyword;
  return isImport || (ts.isIdentifier(callee) && callee.text === "require")
    ? node.arguments[0]
    : undefined;
}

/** The files of src/ that a file imports, as paths from src/. */
export function importsOf(path: string, file: ts.SourceFile): string[] {
  return modulesOf(file)
    .filter((module) => module.startsWith("."))
    .map((module) => posix.normalize(posix.join(posix.dirname(path), module)));
}
