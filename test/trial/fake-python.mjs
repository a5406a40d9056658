#!/usr/bin/env node
// Stands in for a Python with torch for ROCm on a card whose MIOpen fails: a Conv2d in
// channels_last needs PYTORCH_MIOPEN_SUGGEST_NHWC=0, one in float16 cudnn.enabled = False;
// BatchNorm in training mode crashes whatever is done; a transposed Conv2d waits for the file that
// FAKE_HANG names.
import { existsSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));
if (process.argv.includes("-c")) {
  console.log(join(folder, "fake-torch", "__init__.py"));
  process.exit(0);
}

const say = (message) => writeSync(1, `\n@rekindle ${JSON.stringify(message)}\n`);
say({ at: "import torch" });
say({ ready: {} });
const lines = createInterface({ input: process.stdin });
lines.once("close", () => process.exit(9));
lines.once("line", (line) => {
  const order = JSON.parse(line);
  const p = order.case;
  say({ at: "compute on cuda" });
  const works =
    p.task === "batch-norm" && p.training
      ? "crash"
      : p.channelsLast
        ? process.env.PYTORCH_MIOPEN_SUGGEST_NHWC === "0"
        : p.dtype !== "float16" || order.statements.some((s) => s.includes("cudnn.enabled"));
  if (p.transposed && process.env.FAKE_HANG && !existsSync(process.env.FAKE_HANG)) {
    setInterval(() => undefined, 1000);
    return;
  }
  if (works === "crash") process.kill(process.pid, "SIGSEGV");
  else if (works) say({ result: { device: "AMD Radeon RX 5600 XT", error: 1e-7, output: "y" } });
  else {
    say({ failed: { type: "RuntimeError", message: "miopenStatusUnknownError" } });
    process.exit(1);
  }
  process.exit(0);
});
