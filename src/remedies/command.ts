import { join } from "node:path";
import { placed } from "../host/index.ts";
import type { Argument, Step, StepCommand } from "./step.ts";

/** The word that a program gets, with paths below `root`. */
function wordOf(argument: Argument, root: string): string {
  if (typeof argument === "string") return argument;
  return (argument.before ?? "") + placed(root, argument.path);
}

/**
 * A command as a person would type it, for display alone: nothing here is ever given to a shell.
 *
 * @example
 * shownCommand({ program: "rm", args: [{ path: "/a b" }] }); // "rm '/a b'"
 */
export function shownCommand({ program, args, env = {} }: StepCommand): string {
  const variables = Object.entries(env).map(([name, value]) =>
    value === null ? `-u ${name}` : `${name}=${quoted(value)}`,
  );
  const words = [program, ...args].map((word) => quoted(wordOf(word, "/")));
  return [...(variables.length > 0 ? ["env", ...variables] : []), ...words].join(" ");
}

const quoted = (word: string) =>
  /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** Every path that a step makes, changes or removes, each once, those of its kind first. */
export function touchesOf(step: Step): string[] {
  const own =
    step.kind === "write" || (step.kind === "remove" && !step.regenerates)
      ? [step.path]
      : step.kind === "copy"
        ? [step.to]
        : step.kind === "download"
          ? [step.to, `${step.to}.part`]
          : [];
  return [...new Set([...own, ...(step.touches ?? [])])];
}

/** What a program is started with. */
export interface Invocation {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
}

/** A command on a machine whose files are below `root`. */
export function invocationOf(
  command: StepCommand,
  root: string,
  env: Readonly<Record<string, string | undefined>>,
  home: string,
): Invocation {
  const { program, args, folder = home } = command;
  const added = Object.entries(command.env ?? {}).map(([name, value]) => [
    name,
    value ?? undefined,
  ]);
  return {
    program: wordOf(program, root),
    args: args.map((word) => wordOf(word, root)),
    env: {
      ...env,
      LC_ALL: "C",
      LD_PRELOAD: undefined,
      REKINDLE_ROOT: root === "/" ? "" : root,
      ...Object.fromEntries(added),
    },
    folder: placed(root, folder),
  };
}

/** Names inside the folder of one fix. */
export const journalIn = (folder: string) => join(folder, "journal.jsonl");
export const logIn = (folder: string) => join(folder, "log.txt");
export const storeIn = (folder: string) => join(folder, "kept");
