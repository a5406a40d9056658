import { appendFileSync, createReadStream } from "node:fs";
import { createInterface } from "node:readline";

/** A file's bytes in pieces, also of pipes and files that grow too big to hold. */
export function fileChunks(path: string): AsyncIterable<Uint8Array> {
  return createReadStream(path, { highWaterMark: 2 ** 18 });
}

/** What is piped into this process; undefined where a person sits at the keyboard. */
export function standardInput(): AsyncIterable<Uint8Array> | undefined {
  return process.stdin.isTTY ? undefined : process.stdin;
}

/**
 * Asks the user for a line on standard error; undefined where standard input has ended.
 *
 * @example
 * (await askLine("Go on? [y/n] ")) === "y";
 */
export async function askLine(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) {
    process.stderr.write(question);
    return nextPipedLine();
  }
  // One for each question: while it is open, Ctrl-C is a key like others.
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await new Promise((resolve) => {
      lines.on("close", () => resolve(undefined));
      lines.question(question, resolve);
    });
  } finally {
    lines.close();
  }
}

/** One reader of an input for all questions: it takes several lines at a time from a pipe. */
const readers = new WeakMap<object, AsyncIterator<string>>();

async function nextPipedLine(): Promise<string | undefined> {
  const input = process.stdin;
  const reader = readers.get(input) ?? createInterface({ input })[Symbol.asyncIterator]();
  readers.set(input, reader);
  // Files and terminals have neither method. Nobody waits for a pipe that nothing is asked of.
  input.ref?.();
  const { done, value } = await reader.next();
  input.unref?.();
  return done ? undefined : value;
}

/** A file that all output of programs goes to. A full disk loses output, never the work. */
export function logFile(path: string): (chunk: Uint8Array | string) => void {
  return (chunk) => {
    try {
      appendFileSync(path, chunk);
    } catch {
      // Whoever does the work meets the full disk itself, and says so.
    }
  };
}
