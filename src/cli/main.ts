#!/usr/bin/env node
import { main } from "./program.ts";

// The reader of a pipe may leave early, as `head` does: that is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 2);
});
process.exitCode = await main(process.argv.slice(2));
