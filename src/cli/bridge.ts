import type { Command } from "commander";
import { endWithParent, serveBridge } from "../bridge/index.ts";

/**
 * `rekindle bridge`: what `rekindle_torch` starts. Hidden, because nobody types it: it speaks a
 * protocol on standard input and output.
 */
export function addBridge(program: Command): void {
  program
    .command("bridge", { hidden: true })
    .description("serve rekindle_torch on standard input and output")
    .action(async () => {
      endWithParent();
      await serveBridge({ input: process.stdin, output: process.stdout });
    });
}
