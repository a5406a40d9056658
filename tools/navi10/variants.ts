import type { TypedGraph } from "../../src/graph/index.ts";
import type { Config, DeviceTraits, Kernel, Problem } from "../../src/kernels/kernel.ts";
import { models } from "../../src/models/index.ts";
import { optimize, resolve } from "../../src/passes/index.ts";
import { type ShaderIdentity, shaderKey } from "../../src/predict/shader-key.ts";
import { chooseKernel } from "../../src/session/choose-kernel.ts";
import { problemsOf } from "../../src/session/plan.ts";
import type { Precision } from "../../src/session/types.ts";
import { buildOptions } from "../../src/tunings/shader-hash.ts";

/** Networks whose layers stand for what convolutional networks ask of the kernels. */
export const networks = ["resnet18", "resnet50", "vgg16", "mobilenet_v2", "mobilenet_v3_small"];

const precisions = ["f32", "f16", "f16acc32"] as const;

/** A shader that an RDNA1 device could be given: one for all problems that differ in sizes only. */
export interface Variant extends ShaderIdentity {
  /** "conv 3x3 gemm 64x64x16 f32" */
  readonly label: string;
  readonly precision: Precision;
  /** The layer that it was made for: "resnet50 Conv 1x56x56x64". */
  readonly layer: string;
  /** The planner's choice for some layer. */
  readonly chosen: boolean;
}

/** A typed and optimized network of known batch size, without weights. */
export function networkGraph(name: string, batch: number, precision: Precision): TypedGraph {
  const graph = models.get(name)!.build({ batch });
  const shapes = new Map(graph.inputs.map((x) => [x.name, x.dims as readonly number[]]));
  return optimize(resolve(graph, shapes), { precision });
}

export interface Selection {
  /** Each size of a layer, not one for all that differ in sizes alone. */
  readonly everySize?: boolean;
  /** What the planner would choose, and nothing else. */
  readonly chosenOnly?: boolean;
}

/**
 * Every shader that could be chosen for the layers of the networks on a device. Where shaders that
 * differ in sizes alone count as one, the layer with the most workgroups stands for them.
 */
export function variantsOf(
  device: DeviceTraits,
  { everySize = false, chosenOnly = false }: Selection = {},
): readonly Variant[] {
  const found = new Map<string, Variant>();
  for (const precision of precisions) {
    for (const name of networks) {
      const traits = { ...device, multipliesHalf: precision === "f16" };
      for (const variant of ofNetwork(name, precision, traits, chosenOnly)) {
        const { wgsl } = variant.dispatch;
        const key = `${shaderKey(variant)}\n${everySize ? wgsl : withoutSizes(wgsl)}`;
        const known = found.get(key);
        found.set(key, known ? merge(known, variant) : variant);
      }
    }
  }
  return [...found.values()];
}

function merge(a: Variant, b: Variant): Variant {
  const larger = groupsOf(b) > groupsOf(a) ? b : a;
  return { ...larger, chosen: a.chosen || b.chosen };
}

const groupsOf = ({ dispatch }: Variant): number => dispatch.workgroups.reduce((a, b) => a * b, 1);

const withoutSizes = (wgsl: string): string => wgsl.replace(/^const params = .*$/m, "");

function* ofNetwork(
  network: string,
  precision: Precision,
  device: DeviceTraits,
  chosenOnly: boolean,
): Iterable<Variant> {
  const seen = new Set<string>();
  for (const { kernels, problem } of problemsOf(networkGraph(network, 1, precision))) {
    const identity = identityOf(problem);
    if (seen.has(identity)) continue;
    seen.add(identity);
    const layer = `${network} ${problem.op} ${problem.outputs[0]!.dims.join("x")}`;
    for (const { kernel, config, chosen } of choicesOf(kernels, problem, device)) {
      if (chosenOnly && !chosen) continue;
      for (const dispatch of kernel.build(problem, config, buildOptions(device)).dispatches) {
        const label = `${dispatch.label} ${precision}`;
        const shader = { kernel: kernel.name, config, problem, dispatch };
        yield { ...shader, label, precision, layer, chosen };
      }
    }
  }
}

/** Equal for layers that differ in their weights' values alone. */
function identityOf({ op, attributes, inputs, outputs, epilogue }: Problem): string {
  const steps = epilogue.map((e) => [e.op, e.expression("x", "y", "T"), e.operand]);
  return JSON.stringify([op, attributes, inputs, outputs, steps]);
}

function choicesOf(kernels: readonly Kernel[], problem: Problem, device: DeviceTraits) {
  const choice = chooseKernel(kernels, problem, device);
  const isChosen = (kernel: Kernel, config: Config) =>
    "kernel" in choice &&
    kernel === choice.kernel &&
    JSON.stringify(config) === JSON.stringify(choice.config);
  return kernels
    .filter((kernel) => kernel.supports(problem) === true)
    .flatMap((kernel) =>
      kernel
        .configs(problem, device)
        .filter((config) => kernel.fits(config, problem, device) === true)
        .map((config) => ({ kernel, config, chosen: isChosen(kernel, config) })),
    );
}
