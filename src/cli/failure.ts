import { messageOf, RekindleError } from "../errors.ts";
import { type Io, paint } from "./io.ts";
import { wrap } from "./text.ts";

/** How a failed command is told. */
export interface FailureOptions {
  /** Show stacks. */
  readonly debug: boolean;
  /** Also write the error as JSON to stdout, for scripts. */
  readonly json: boolean;
}

/** Writes what failed and what to do about it to stderr. */
export function reportFailure(error: unknown, io: Io, options: FailureOptions): void {
  const known = error instanceof RekindleError;
  const what = known ? error.message : `unexpected: ${messageOf(error).split("\n")[0]}`;
  const fix = known
    ? error.fix
    : "this is a fault of rekindle: please report it, with what the same command prints " +
      "when --debug is added";
  const code = known ? error.code : "unexpected";
  if (options.json) io.out.write(`${JSON.stringify({ error: { code, message: what, fix } })}\n`);
  const { err } = io;
  const lines = (text: string) => (err.isTerminal ? wrap(text, err.columns - 7) : [text]);
  err.write(`${paint(err, "red", "error")}: ${lines(what).join("\n       ")}\n`);
  if (fix) err.write(`${paint(err, "bold", "  fix")}: ${lines(fix).join("\n       ")}\n`);
  if (options.debug) err.write(`${stacksOf(error)}\n`);
}

function stacksOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? error.message;
  return error.cause === undefined ? stack : `${stack}\ncaused by: ${stacksOf(error.cause)}`;
}
