import { fileURLToPath } from "node:url";
import type { Argument } from "../step.ts";

const fromPackage = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

/** The folder of this package: with package.json. */
export const packageFolder = fromPackage("").replace(/\/$/, "");

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
