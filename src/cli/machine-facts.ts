import { examine, type Facts, parseFacts } from "../doctor/index.ts";
import { type Host, isRecording, parseRecording, replayHost } from "../host/index.ts";
import type { Io } from "./io.ts";
import { progressLine } from "./progress.ts";

/** A file of facts, or a recording, through which the probes run again. */
export async function factsFrom(path: string, io: Io): Promise<Facts> {
  const text = Buffer.from(await io.host.readFile(path, "facts")).toString("utf8");
  if (!isRecording(text)) return parseFacts(text, path);
  return await examined(replayHost(parseRecording(text, path)), io);
}

/** The facts of a machine, with progress on a terminal. */
export async function examined(host: Host, io: Io): Promise<Facts> {
  const line = progressLine(io, true);
  try {
    line.show("looking at the machine ...");
    const onProgress = (running: readonly string[]) => {
      if (running.length > 0) line.show(`looking at ${running.join(", ")} ...`);
    };
    return await examine(host, { onProgress });
  } finally {
    line.clear();
  }
}
