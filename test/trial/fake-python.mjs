#!/usr/bin/env node
// Stands in for a Python with torch for ROCm on a card whose MIOpen fails: a Conv2d in
// channels_last needs PYTORCH_MIOPEN_SUGGEST_NHWC=0, one in float16 cudnn.enabled = False;
// BatchNorm in training mode crashes whatever is done; a transposed Conv2d waits for the file that
// FAKE_HANG names. Parts of a validation are done as well as can be; FAKE_BITS is what repeats
// give.
import { existsSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));
if (process.argv.includes("-c")) {
  console.log(join(folder, "fake-torch", "__init__.py"));
  process.exit(0);
}

/** What a part of a validation finds where all is well. */
function partOf({ kind, cases, seconds, layers, models }) {
  const ms = { count: 9, median: 1, low: 0.9, high: 1.1, kind: "min..max" };
  const time = (name) => ({ name, batch: 8, ms, boundMs: 0.9 });
  const rates = {
    flopPerSecond: 6e12,
    flopBy: "a product",
    bytesPerSecond: 2e11,
    bytesBy: "a copy",
  };
  return {
    cases: () => ({ checked: cases.length, failed: 0, failures: [] }),
    repeat: () => {
      const digest = process.env.FAKE_BITS ?? "same";
      const values = Buffer.from(digest.padEnd(8).slice(0, 8)).toString("base64");
      return { outputs: Object.fromEntries(cases.map(({ id }) => [id, { digest, values }])) };
    },
    soak: () => ({
      ...{ runs: 1000, seconds, mismatches: [], residentBytesEarly: 1e9, residentBytesLate: 1e9 },
    }),
    speed: () => ({
      ...rates,
      layers: layers.map((one) => ({ ...time(one.name), class: one.class })),
      models: models.map((name) => ({ ...time(name), imageSize: 224 })),
    }),
    training: () => ({ losses: [1, 0.1], cpuLosses: [1, 0.1] }),
  }[kind]();
}

const device = "AMD Radeon RX 5600 XT";
const say = (message) => writeSync(1, `\n@rekindle ${JSON.stringify(message)}\n`);
say({ at: "import torch" });
say({ ready: {} });
const lines = createInterface({ input: process.stdin });
lines.once("close", () => process.exit(9));
lines.once("line", (line) => {
  const order = JSON.parse(line);
  if (order.kind) {
    say({ result: { device, error: 0, output: "y", data: partOf(order) } });
    process.exit(0);
  }
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
  else if (works) say({ result: { device, error: 1e-7, output: "y" } });
  else {
    say({ failed: { type: "RuntimeError", message: "miopenStatusUnknownError" } });
    process.exit(1);
  }
  process.exit(0);
});
