import { createReadStream } from "node:fs";

/** A file's bytes in pieces, also of pipes and files that grow too big to hold. */
export function fileChunks(path: string): AsyncIterable<Uint8Array> {
  return createReadStream(path, { highWaterMark: 2 ** 18 });
}

/** What is piped into this process; undefined where a person sits at the keyboard. */
export function standardInput(): AsyncIterable<Uint8Array> | undefined {
  return process.stdin.isTTY ? undefined : process.stdin;
}
