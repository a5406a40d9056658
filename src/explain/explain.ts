import type { Facts } from "../doctor/facts.ts";
import { decodeText } from "./decode.ts";
import { diagnose, type Explanation } from "./diagnose.ts";
import { linesOf } from "./lines.ts";
import { patterns } from "./patterns/index.ts";
import { Scan } from "./scan.ts";

/** A text to explain: its bytes as they come, and a name for messages. */
export interface Log {
  readonly name: string;
  readonly chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/**
 * Names the causes that logs show, together: a traceback and the kernel's log of the same crash are
 * weighed as one. Memory stays bounded however long they are. Throws "file-invalid" for a log that
 * is no text.
 *
 * @example
 * const log = { name: "crash.log", chunks: [Buffer.from("HIP error: invalid device function")] };
 * (await explain([log])).findings[0]?.id; // "torch-without-code"
 */
export async function explain(logs: readonly Log[], facts?: Facts): Promise<Explanation> {
  const scan = new Scan(patterns);
  for (const { name, chunks } of logs) {
    const file = logs.length > 1 ? name : undefined;
    for await (const lines of linesOf(decodeText(chunks, name))) {
      for (const line of lines) scan.read(line, file);
    }
  }
  return diagnose(scan, patterns, facts);
}
