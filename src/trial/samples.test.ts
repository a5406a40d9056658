import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { machines } from "../../test/machines.ts";
import { root } from "../../test/sources.ts";
import { fakeExperiment, faultyStep } from "../../test/trial/fake-experiment.ts";
import type { Facts } from "../doctor/index.ts";
import { type Host, machineHost } from "../host/index.ts";
import { prepareStep } from "./step.ts";
import { orderOf } from "./targets.ts";

// What programs and kernels wrote on cards, from public threads (fixtures/logs), printed by a step
// that ends as theirs did: the outcome, and the cause that is named first.

const log = (name: string) => readFileSync(join(root, "fixtures/logs", `${name}.txt`), "utf8");

/** What a trial learns at once of a recorded machine: nothing of its PyTorch. */
function quickFactsOf(name: string): Facts {
  const { torch: _, rocm: __, ...quick } = machines.find((one) => one.name === name)!.facts;
  return quick;
}

/** A machine whose kernel wrote these lines meanwhile, or lets nobody read them. */
function machineWith(kernelLines: string | undefined): Host {
  const refused = { status: 1, out: "", err: "Operation not permitted" };
  const out = ["[1.0] before", kernelLines].join("\n");
  return {
    ...machineHost(),
    run: async () => (kernelLines === undefined ? refused : { status: 0, out, err: "" }),
  };
}

interface Sample {
  readonly name: string;
  readonly machine: string;
  readonly prints: string;
  /** A signal, "hang", or the message of an exception. */
  readonly ending: string;
  /** Undefined: this user may not read it. */
  readonly kernel?: string;
  readonly built?: { readonly device: string; readonly targets: readonly string[] };
  readonly outcome: string;
  readonly cause: string | undefined;
}

const segfault = "Fatal Python error: Segmentation fault\n";
/** Of PyTorch's wheels for ROCm 6. */
const stock = ["gfx900", "gfx906", "gfx908", "gfx90a", "gfx942", "gfx1030", "gfx1100", "gfx1101"];

const samples: readonly Sample[] = [
  {
    name: "a segmentation fault in the first convolution, under an override",
    machine: "rx5600xt-stock-override",
    prints: segfault,
    ending: "SIGSEGV",
    outcome: "signal",
    cause: "override-foreign-code:possible",
  },
  {
    name: "a segmentation fault, of a PyTorch without code for the card",
    machine: "rx5600xt-stock-wheel",
    prints: segfault,
    built: { device: "gfx1010:xnack-", targets: stock },
    ending: "SIGSEGV",
    outcome: "signal",
    cause: "torch-without-code:likely",
  },
  {
    name: "a segmentation fault that nothing explains",
    machine: "rx5600xt-amd-wheel",
    prints: segfault,
    built: { device: "gfx1010:xnack-", targets: ["gfx1010", "gfx1011", "gfx1030"] },
    ending: "SIGSEGV",
    outcome: "signal",
    cause: undefined,
  },
  {
    name: "HSA_STATUS_ERROR of foreign code",
    machine: "rx5600xt-stock-override",
    prints: log("5500xt-override-aperture"),
    ending: "SIGABRT",
    outcome: "signal",
    cause: "override-foreign-code:likely",
  },
  {
    name: "queues that the kernel and the runtime size differently",
    machine: "rx5500-queue-size",
    prints: log("freezing-gfx1012-kernel-612"),
    ending: "HIP error: out of memory",
    outcome: "error",
    cause: "kernel-runtime-mismatch:likely",
  },
  {
    name: "AMD's wheel without the package of the card",
    machine: "rx5600xt-amd-wheel-no-extra",
    prints: log("amd-wheel-invalid-image-linux"),
    built: { device: "gfx1010:xnack-", targets: ["gfx1010", "gfx1030"] },
    ending: "CUDA error: device kernel image is invalid",
    outcome: "error",
    cause: "device-code-not-installed:possible",
  },
  {
    name: "MIOpen's BatchNorm, which the assembler refuses",
    machine: "rx5600xt-amd-wheel",
    prints: log("batchnorm-v520"),
    ending: "miopenStatusUnknownError",
    outcome: "error",
    cause: "miopen-batchnorm-assembler:confirmed",
  },
  {
    name: "a hang that the runtime sees, where nobody may read the kernel's log",
    machine: "rx5600xt-amd-wheel",
    prints: log("gpu-hang-7840u"),
    ending: "SIGABRT",
    outcome: "signal",
    cause: "gpu-hang:possible",
  },
  {
    name: "a ring that times out, and the reset",
    machine: "rx5600xt-amd-wheel",
    prints: "",
    ending: "hang",
    kernel: log("5700xt-desktop-ring-timeout"),
    outcome: "gpu-reset",
    cause: "ring-timeout:possible",
  },
  {
    name: "queues that cannot be taken off the card",
    machine: "rx5600xt-amd-wheel",
    prints: "",
    ending: "hang",
    kernel: log("ollama-preemption"),
    outcome: "hang",
    cause: "queue-preemption:possible",
  },
  {
    name: "MIOpen that searches for longer than a step may take",
    machine: "rx5600xt-amd-wheel",
    prints: log("miopen-search-looks-like-a-hang"),
    ending: "hang",
    kernel: "",
    outcome: "hang",
    cause: "miopen-searching:confirmed",
  },
];

test.each(samples)("$name: $outcome, $cause", async (sample) => {
  const { machine, prints, ending, kernel, built, outcome, cause } = sample;
  const limits = { timeMs: ending === "hang" ? 2000 : 60_000, memoryBytes: 1e9, cpuSeconds: 30 };
  const order = { fault: "replay", prints, ending, ...(built && { built }) };
  const experiment = fakeExperiment("torch/conv/minimal", order, { limits });
  const step = prepareStep(experiment, faultyStep, randomUUID(), {
    host: machineWith(kernel),
    confinement: { name: "none", wrap: (command) => command },
    facts: quickFactsOf(machine),
    graceMs: 300,
    settleMs: 10,
  });
  const result = await step.run(orderOf(experiment), { source: "dmesg", lastLine: "[1.0] before" });
  const [first] = result.causes ?? [];
  expect(result.outcome).toBe(outcome);
  expect(first && `${first.id}:${first.certainty}`).toBe(cause);
  expect(result.at).toBe("do replay");
});
