import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { expect, test } from "vitest";
import { machineHost } from "../../src/host/index.ts";
import { convCase } from "../../src/trial/case.ts";
import type { Experiment } from "../../src/trial/experiment.ts";
import type { StepResult } from "../../src/trial/result.ts";
import { prepareStep } from "../../src/trial/step.ts";
import { commandFor, orderOf } from "../../src/trial/targets.ts";
import { planFor } from "../../src/validate/plan.ts";
import { root } from "../sources.ts";
import { fakeExperiment } from "./fake-experiment.ts";

// The Python side of trials, with a PyTorch for CPUs that is made to speak as one for ROCm does.

const python = join(root, ".cache/python/bin/python");
const machine = { isRocm: true, override: undefined, gfx: "gfx1010" };
const target = { name: "torch", python, machine } as const;

async function run(experiment: Experiment): Promise<StepResult> {
  const confinement = { name: "none", wrap: <T>(command: T) => command };
  const surroundings = { host: machineHost(), confinement, graceMs: 1000 };
  const step = prepareStep(experiment, commandFor(target), randomUUID(), surroundings);
  return await step.run(orderOf(experiment), undefined);
}

const limits = { timeMs: 120_000, memoryBytes: 8e9, cpuSeconds: 600 };

/** What pip installs may be a build for NVIDIA's GPUs. */
const forCpus = ["torch.version.cuda = None"];

/** A usual convolution behind statements that change what torch says. */
const behind = (...statements: string[]) =>
  fakeExperiment(
    "torch/conv/usual",
    { case: convCase(), seed: 1 },
    {
      limits,
      switches: [...forCpus, ...statements].map((line, i) => ({
        id: `${i}`,
        what: line,
        python: line,
      })),
    },
  );

const isRocm = 'torch.version.hip = "6.4.1"';

test("a PyTorch for ROCm that finds no card says why", async () => {
  const refuse =
    'def init(): raise RuntimeError("No HIP GPUs are available")\ntorch.cuda.init = init';
  const result = await run(behind(isRocm, refuse));
  expect(result).toMatchObject({
    outcome: "unavailable",
    detail: "this torch is built for a GPU and finds none: No HIP GPUs are available",
  });
});

test("beside graphics of the processor the card is tried; torch tells its targets", async () => {
  const two = `
from types import SimpleNamespace as Card
cards = [Card(name="iGPU", multi_processor_count=6, gcnArchName="gfx90c:xnack-"),
         Card(name="RX 5600 XT", multi_processor_count=18, gcnArchName="gfx1010:xnack-")]
torch.cuda.is_available = lambda: True
torch.cuda.device_count = lambda: 2
torch.cuda.get_device_properties = lambda device: cards[getattr(device, "index", device)]
torch.cuda.get_arch_list = lambda: ["gfx900", "gfx1030"]`;
  const result = await run(behind(isRocm, two));
  // There is no such card: the copy to it fails.
  expect(result).toMatchObject({
    outcome: "error",
    at: "copy to cuda:1",
    causes: [
      {
        id: "torch-without-code",
        cause: "This PyTorch says that it was built for gfx900, gfx1030; the device is gfx1010.",
      },
      {},
    ],
  });
});

test("what torch does not offer on a device is no failure", async () => {
  const missing = `
def conv2d(*_, **__): raise RuntimeError('"slow_conv2d_cpu" not implemented for \\'Half\\'')
torch.nn.functional.conv2d = conv2d`;
  const result = await run(behind(missing));
  expect(result).toMatchObject({ outcome: "unavailable" });
  expect(result.detail).toMatch(/not implemented for 'Half'/);
});

test("wrong numbers of a device are found, with where they are", async () => {
  const wrong = `
right = torch.nn.functional.conv2d
def conv2d(x, *rest, **more):
    y = right(x, *rest, **more)
    return y if x.dtype == torch.float64 else y * 1.001
torch.nn.functional.conv2d = conv2d`;
  const { outcome, error, output } = await run(behind(wrong));
  expect([outcome, output]).toEqual(["wrong", "y"]);
  expect(error).toBeCloseTo(0.001, 4);
});

const extent = { shapes: 6, soakSeconds: 2, imageSize: 32, batch: 1, seed: 1 };

/** A part of a validation; trainings take a few steps only. */
function partNamed(name: string): Experiment {
  const parts = planFor(target, extent, "cpu").map(({ experiment }) => experiment);
  const found = parts.find(({ id }) => id.endsWith(name))!;
  return { ...found, order: { ...found.order, ...("steps" in found.order && { steps: 8 }) } };
}

test.each(["shapes-1-of-1", "repeat-1", "training", "soak"])(
  "the part %s of a validation passes on the CPU",
  async (name) => {
    expect(await run(partNamed(name))).toMatchObject({ outcome: "passed", device: "cpu" });
  },
);

test("a training that does not come down is no success", async () => {
  // Only the first of the two trainings is spoiled: that of the device.
  const spoil = `
sgd, made = torch.optim.SGD, []
def spoiled(parameters, lr, momentum):
    made.append(lr)
    return sgd(parameters, lr=lr if len(made) > 1 else 0.0, momentum=momentum)
torch.optim.SGD = spoiled`;
  const switches = [{ id: "spoil", what: "spoil", python: spoil }];
  const result = await run({ ...partNamed("training"), switches });
  expect(result).toMatchObject({ outcome: "wrong", output: "loss" });
});
