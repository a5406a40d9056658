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
