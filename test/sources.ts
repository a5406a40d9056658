import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import {
  isCallExpression,
  isConstructorDeclaration,
  isFunctionLikeDeclaration,
  type Node,
  type SourceFile,
} from "typescript/unstable/ast";
import { API } from "typescript/unstable/sync";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** Every file of the repository that git does not ignore, by its path from the root. */
export const files: readonly string[] = git("ls-files", "-co", "--exclude-standard")
  .split("\n")
  .filter((path) => path !== "" && existsSync(join(root, path)));

function git(...args: string[]): string {
  return execFileSync("git", args, { cwd: root, encoding: "utf8" });
}

export function readText(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

export const isTest = (path: string) => /\.test\.ts$/.test(path);
export const isGenerated = (path: string) => /_pb\.ts$|^package-lock\.json$/.test(path);

/** The TypeScript sources of the project, parsed by the compiler. */
export function parseProject(): Map<string, SourceFile> {
  const api = new API({ cwd: root });
  try {
    const snapshot = api.updateSnapshot({ openProjects: [join(root, "tsconfig.json")] });
    const { program } = snapshot.getProjects()[0]!;
    const paths = files.filter((path) => path.endsWith(".ts") && !isGenerated(path));
    const parsed = paths.map((path) => [path, program.getSourceFile(join(root, path))] as const);
    return new Map(parsed.flatMap(([path, file]) => (file ? [[path, file]] : [])));
  } finally {
    api.close();
  }
}

/** The files of ours that a file imports or re-exports, types included, by path from the root. */
export function importsOf(path: string, file: SourceFile): string[] {
  const names = file.imports.map((node) => (node as Node & { readonly text: string }).text);
  const local = names.filter((name) => name.startsWith("."));
  return local.map((name) => resolve("/", dirname(path), name).slice(1));
}

export interface FunctionLength {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

/** Every function of a file with its length, but for the callbacks of `describe`. */
export function functionsOf(file: SourceFile): FunctionLength[] {
  const found: FunctionLength[] = [];
  const visit = (node: Node): undefined => {
    if (isFunctionLikeDeclaration(node) && !isSuite(node, file)) {
      const first = file.getLineAndCharacterOfPosition(node.getStart(file)).line;
      const last = file.getLineAndCharacterOfPosition(node.end).line;
      found.push({ name: nameOf(node, file), line: first + 1, lines: last - first + 1 });
    }
    node.forEachChild(visit);
  };
  file.forEachChild(visit);
  return found;
}

function isSuite(node: Node, file: SourceFile): boolean {
  const { parent } = node;
  return isCallExpression(parent) && /^describe\b/.test(parent.expression.getText(file));
}

function nameOf(node: Node & { readonly name?: Node }, file: SourceFile): string {
  if (isConstructorDeclaration(node)) return "constructor";
  const named = node.name ?? (node.parent as Node & { readonly name?: Node }).name;
  return named?.getText(file) ?? "a nameless function";
}
