import { RekindleError } from "../errors.ts";
import { storageBytes } from "../gpu/index.ts";
import type { Node, TensorType, TypedGraph } from "../graph/index.ts";
import type { Binding, DeviceTraits, Kernel, Packed, Problem, Program } from "../kernels/kernel.ts";
import { opOf, problemOf } from "../ops/evaluate.ts";
import { sizeOf, type Tensor } from "../tensor/index.ts";
import { buildOptions } from "../tunings/shader-hash.ts";
import type { Choice, Lookup } from "../tunings/tuning.ts";
import { chooseKernel } from "./choose-kernel.ts";
import { Lifetimes } from "./lifetimes.ts";
import { checkDispatch, checkValue } from "./limits.ts";
import { type Placement, placedProblem, placeValues } from "./placement.ts";
import { estimateWork } from "./work.ts";

/** What a dispatch binds, in the order of the shader's binding numbers. */
export type PlannedBinding =
  | { readonly kind: "slot"; readonly slot: number }
  | { readonly kind: "constant"; readonly tensor: Tensor }
  | { readonly kind: "packed"; readonly packed: Packed }
  | { readonly kind: "params"; readonly offset: number; readonly bytes: number };

export interface PlannedDispatch {
  readonly node: string;
  readonly label: string;
  readonly wgsl: string;
  readonly workgroups: readonly [number, number, number];
  readonly bindings: readonly PlannedBinding[];
  /** A rough count of floating-point operations. */
  readonly work: number;
}

/** Where an input is uploaded to. */
export interface PlannedInput {
  readonly name: string;
  readonly slot: number;
  readonly bytes: number;
}

/** Where an output is found after a run. */
export type OutputSource =
  | { readonly kind: "slot"; readonly slot: number }
  | { readonly kind: "constant"; readonly tensor: Tensor }
  | { readonly kind: "input"; readonly input: string };

export interface PlannedOutput {
  readonly name: string;
  readonly type: TensorType;
  readonly source: OutputSource;
}

/** How a graph runs on a device: pure data, made without touching the device. */
export interface Plan {
  readonly dispatches: readonly PlannedDispatch[];
  /** Bytes of each activation buffer. */
  readonly slotBytes: readonly number[];
  /** All params of all dispatches, each at its offset. */
  readonly params: Uint8Array;
  /** Inputs that something reads, and where they are uploaded to. */
  readonly inputs: readonly PlannedInput[];
  readonly outputs: readonly PlannedOutput[];
  readonly tunings: TuningUse;
}

/** What came of stored tunings. */
export interface TuningUse {
  /** Nodes that run in a way that was measured to be the fastest. */
  readonly used: number;
  /** Why others are not used: one sentence each. */
  readonly ignored: readonly string[];
}

/** WebGPU's largest `minUniformBufferOffsetAlignment`. */
const paramsAlignment = 256;

/** A node with its kernel. */
interface Step {
  readonly node: Node;
  readonly problem: Problem;
  readonly program: Program;
}

/**
 * Chooses kernels, shares memory, and lays out params for a graph that has been through
 * `resolve` and `optimize`. What `lookup` knows of a problem goes before the first choice.
 *
 * Throws "device-limit" where a value is larger than the device's buffers (with both numbers) or
 * where no kernel fits the device (with the reasons), for all nodes at once.
 */
export function makePlan(graph: TypedGraph, device: DeviceTraits, lookup?: Lookup): Plan {
  const { choices, tunings } = chooseKernels(graph, device, lookup);
  const kernels = new Map(choices.map(({ node, kernel }) => [node, kernel]));
  const placement = placeValues(graph, kernels);
  const { rootOf } = placement;
  const steps = choices.map((choice) => stepOf(choice, placement, device));
  const inputs = new Set(graph.inputs.map((input) => input.name));
  const lifetimes = lifetimesOf(graph, steps, rootOf, device);
  const memory = lifetimes.plan((name, bytes) => checkValue(`value "${name}"`, bytes, device));
  const params = new ParamsLayout();
  const place = (name: string): PlannedBinding => {
    const root = rootOf(name);
    const tensor = graph.constants.get(root);
    if (!tensor) return { kind: "slot", slot: memory.slotOf(root) };
    checkValue(`weight "${root}"`, storageBytes(tensor), device);
    return { kind: "constant", tensor };
  };
  return {
    dispatches: steps.flatMap((step) => bind(step, place, params)),
    slotBytes: memory.slotBytes,
    params: params.bytes(),
    inputs: graph.inputs.flatMap(({ name }) =>
      lifetimes.has(name)
        ? [{ name, slot: memory.slotOf(name), bytes: storageBytes(graph.types.get(name)!) }]
        : [],
    ),
    outputs: graph.outputs.map(({ name }) => ({
      name,
      type: graph.types.get(name)!,
      source: sourceOf(rootOf(name), graph, inputs, memory.slotOf),
    })),
    tunings,
  };
}

/**
 * From which dispatch to which each value is in use. Dispatches, not nodes, count: what only the
 * first dispatch of a node reads can leave its memory to what the last one writes.
 */
function lifetimesOf(
  graph: TypedGraph,
  steps: readonly Step[],
  rootOf: (name: string) => string,
  device: DeviceTraits,
): Lifetimes {
  const lifetimes = new Lifetimes();
  const bytesOf = (name: string) => storageBytes(graph.types.get(name)!);
  for (const { name } of graph.inputs) lifetimes.declare(name, bytesOf(name), -1);
  let now = 0;
  const write = (name: string, bytes: number) => {
    if (lifetimes.has(name)) lifetimes.use(name, now);
    else lifetimes.declare(name, bytes, now);
  };
  for (const { node, program } of steps) {
    for (const { bindings } of program.dispatches) {
      for (const b of bindings) {
        const name = boundValue(node, b);
        if (name === undefined) continue;
        if (b.kind === "scratch") write(name, program.scratch![b.index]!);
        else if (b.kind === "output") write(rootOf(name), bytesOf(rootOf(name)));
        else lifetimes.use(rootOf(name), now);
      }
      now++;
    }
    // Values without elements are written by none, and others may still name them.
    for (const name of node.outputs) {
      if (name !== "" && !lifetimes.has(rootOf(name))) write(rootOf(name), bytesOf(rootOf(name)));
    }
    program.scratch?.forEach((bytes) => {
      checkValue(`scratch memory of node "${node.name}"`, bytes, device);
    });
  }
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  for (const { name } of graph.outputs) {
    if (!inputs.has(rootOf(name))) lifetimes.use(rootOf(name), now);
  }
  for (const name of inputs) lifetimes.dropUnused(name);
  return lifetimes;
}

/** A node that computes something, as kernels see it. */
export interface NodeProblem {
  readonly node: Node;
  readonly kernels: readonly Kernel[];
  readonly problem: Problem;
}

/** Every node for which a kernel has to run, in order. */
export function problemsOf(graph: TypedGraph): NodeProblem[] {
  return graph.nodes.flatMap((node) => {
    const { kernels, traits } = opOf(node);
    if (traits.isView || node.outputs.every((name) => isEmpty(graph.types.get(name)))) return [];
    const problem = problemOf(
      node,
      (name) => graph.types.get(name)!,
      (name) => graph.constants.get(name),
    );
    return [{ node, kernels, problem }];
  });
}

/** Every node that computes something, with its first kernel that fits. */
function chooseKernels(graph: TypedGraph, device: DeviceTraits, lookup?: Lookup) {
  const choices: (Choice & NodeProblem)[] = [];
  const misfits: string[] = [];
  const ignored = new Set<string>();
  let used = 0;
  for (const { node, kernels, problem } of problemsOf(graph)) {
    const found = lookup?.(kernels, problem, device);
    if (found?.ignored) ignored.add(found.ignored);
    if (found?.choice) used++;
    const choice = found?.choice ?? chooseKernel(kernels, problem, device);
    if (!("kernel" in choice)) {
      misfits.push(`\n  node "${node.name}" (${node.op}): ${choice.reasons.join("; ")}`);
      continue;
    }
    choices.push({ node, kernels, problem, ...choice });
  }
  if (misfits.length === 0) return { choices, tunings: { used, ignored: [...ignored] } };
  throw new RekindleError("device-limit", `no kernel fits this device for:${misfits.join("")}`, {
    fix: 'use another device, or the CPU (device "cpu")',
  });
}

/** The program of a chosen kernel, with values where they were placed. */
function stepOf(
  { node, problem, kernel, config }: Choice & NodeProblem,
  placement: Placement,
  device: DeviceTraits,
): Step {
  const placed = placedProblem(node, problem, placement);
  const program = kernel.build(placed, config, buildOptions(device));
  for (const dispatch of program.dispatches) checkDispatch(dispatch, node.name, device);
  for (const { bytes } of program.packed ?? []) {
    checkValue(`the weights of node "${node.name}"`, bytes, device);
  }
  return { node, problem, program };
}

function isEmpty(type: TensorType | undefined): boolean {
  return type === undefined || sizeOf(type.dims) === 0;
}

function bind(
  { node, problem, program }: Step,
  place: (name: string) => PlannedBinding,
  params: ParamsLayout,
): PlannedDispatch[] {
  const work = estimateWork(problem) / program.dispatches.length;
  const bindingOf = (b: Binding): PlannedBinding => {
    if (b.kind === "params") return params.add(b.data);
    if (b.kind === "packed") return { kind: "packed", packed: program.packed![b.index]! };
    return place(boundValue(node, b)!);
  };
  return program.dispatches.map(({ label, wgsl, workgroups, bindings }) => {
    return { node: node.name, label, wgsl, workgroups, bindings: bindings.map(bindingOf), work };
  });
}

/** The name of what a dispatch of a node binds; undefined for what is made for the kernel alone. */
function boundValue(node: Node, b: Binding): string | undefined {
  switch (b.kind) {
    case "input":
      return node.inputs[b.index]!;
    case "output":
      return node.outputs[b.index]!;
    case "operand":
      return node.epilogue!.flatMap((step) => step.operand ?? [])[b.index]!;
    case "scratch":
      return `scratch ${b.index} of ${node.outputs[0]}`;
    default:
      return undefined;
  }
}

function sourceOf(
  root: string,
  graph: TypedGraph,
  inputs: ReadonlySet<string>,
  slotOf: (name: string) => number,
): OutputSource {
  const tensor = graph.constants.get(root);
  if (tensor) return { kind: "constant", tensor };
  return inputs.has(root) ? { kind: "input", input: root } : { kind: "slot", slot: slotOf(root) };
}

/** Puts the params of all dispatches into one buffer; equal ones share a place. */
class ParamsLayout {
  private readonly chunks: Uint32Array[] = [];
  private readonly known = new Map<string, PlannedBinding>();
  private end = 0;

  add(data: Uint32Array): PlannedBinding {
    const key = data.join();
    const known = this.known.get(key);
    if (known) return known;
    const binding = { kind: "params", offset: this.end, bytes: data.byteLength } as const;
    this.known.set(key, binding);
    this.chunks.push(data);
    this.end += Math.ceil(data.byteLength / paramsAlignment) * paramsAlignment;
    return binding;
  }

  bytes(): Uint8Array {
    const all = new Uint8Array(this.end);
    let at = 0;
    for (const { buffer, byteOffset, byteLength } of this.chunks) {
      all.set(new Uint8Array(buffer, byteOffset, byteLength), at);
      at += Math.ceil(byteLength / paramsAlignment) * paramsAlignment;
    }
    return all;
  }
}
