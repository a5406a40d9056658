import { fileURLToPath } from "node:url";
import type { Argument } from "../step.ts";

const urlOf = (path: string) => new URL(`../../../${path}`, import.meta.url);
const fromPackage = (path: string) => fileURLToPath(urlOf(path));

/** The folder of this package: with package.json. */
export const packageFolder = fromPackage("").replace(/\/$/, "");

/** Where another program of Node imports one of this package's modules from. */
export const moduleOf = (path: string): string => urlOf(`dist/${path}`).href;

/**
 * A command line of Rekindle as program and arguments. Its own files are no paths of the machine
 * that is changed: they are plain words.
 */
export function rekindleCommand(...args: readonly Argument[]): {
  program: string;
  args: Argument[];
} {
  return { program: process.execPath, args: [fromPackage("dist/cli/main.js"), ...args] };
}
