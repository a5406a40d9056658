import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "../src/cli/program.ts";
import { machineHost } from "../src/host/index.ts";

/** What a command did. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** How the command sees its surroundings. */
export interface Surroundings {
  readonly env?: Record<string, string>;
  /** Both streams are a terminal of 80 columns. */
  readonly terminal?: boolean;
}

/** Runs a command line in this process, in a folder, and gives what it wrote. */
export async function command(
  folder: string,
  argv: readonly string[],
  { env = {}, terminal = false }: Surroundings = {},
): Promise<Outcome> {
  const written = { out: "", err: "" };
  const output = (to: "out" | "err") => ({
    write(text: string) {
      written[to] += text;
    },
    isTerminal: terminal,
    hasColor: false,
    columns: 80,
  });
  const io = { host: machineHost(env, folder), out: output("out"), err: output("err") };
  const code = await main(argv, io);
  return { code, ...written };
}

/** A new folder, and a function that removes it. */
export async function temporaryFolder(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "rekindle-test-"));
  return { folder, remove: () => rm(folder, { recursive: true }) };
}
