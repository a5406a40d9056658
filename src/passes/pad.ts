import type { Node } from "../graph/index.ts";
import { pictureOf, type WindowAttributes, windowOf } from "../kernels/geometry.ts";
import { opOf, parseAttributes } from "../ops/evaluate.ts";
import { normalizeAxis } from "../tensor/index.ts";
import type { Rule, Surroundings } from "./rewrite.ts";

/**
 * Pad with zeros around a picture, then Conv or AveragePool: the window's own padding takes it
 * over. (Not so for MaxPool, which pads with minus infinity.) An AveragePool must count what was
 * padded, so it may have no padding of its own that it does not count.
 */
export const padIntoWindow: Rule = (node, around) => {
  if (node.op !== "Conv" && node.op !== "AveragePool") return undefined;
  const pad = around.producerOf(node.inputs[0]!);
  if (pad?.op !== "Pad" || pad.epilogue) return undefined;
  const { dims } = around.typeOf(node.inputs[0]!);
  const added = spatialZeros(pad, dims.length, around);
  if (!added) return undefined;
  const attributes = parseAttributes(opOf(node), node.attributes, node.name);
  if (attributes.layout === "NHWC") return undefined;
  const isPool = node.op === "AveragePool";
  const kernel = isPool
    ? (attributes.kernel_shape as readonly number[])
    : around.typeOf(node.inputs[1]!).dims.slice(2);
  const { spatial } = pictureOf(dims, "NCHW");
  const window = windowOf(spatial, kernel, attributes as unknown as WindowAttributes);
  const own = [...window.padsBegin, ...window.padsEnd];
  const pads = own.map((p, i) => p + added[i]!);
  if (isPool) {
    const counts = attributes.count_include_pad === 1 || own.every((p) => p === 0);
    const tooWide = pads.some((p, i) => p >= kernel[i % kernel.length]!);
    if (!counts || tooWide || attributes.ceil_mode === 1) return undefined;
  }
  const changed = { pads, auto_pad: "NOTSET", ...(isPool && { count_include_pad: 1 }) };
  return [
    {
      ...node,
      inputs: [pad.inputs[0]!, ...node.inputs.slice(1)],
      attributes: { ...node.attributes, ...changed },
    },
  ];
};

/** The zeros that a Pad adds, per spatial axis (begins, then ends); undefined if it does more. */
function spatialZeros(pad: Node, rank: number, around: Surroundings): number[] | undefined {
  const [, padsName, valueName, axesName] = pad.inputs;
  const { mode } = parseAttributes(opOf(pad), pad.attributes, pad.name);
  const list = around.constantOf(padsName ?? "")?.toNumbers();
  if (mode !== "constant" || !list) return undefined;
  if (valueName && around.constantOf(valueName)?.toNumbers()[0] !== 0) return undefined;
  const named = axesName ? around.constantOf(axesName)?.toNumbers() : undefined;
  if (axesName && !named) return undefined;
  const axes = named ? [...named].map((a) => normalizeAxis(a, rank)) : [...Array(rank).keys()];
  const all = new Array<number>(2 * rank).fill(0);
  axes.forEach((axis, i) => {
    all[axis] = list[i]!;
    all[rank + axis] = list[axes.length + i]!;
  });
  if (all.some((p) => p < 0)) return undefined;
  if (all[0] || all[1] || all[rank] || all[rank + 1]) return undefined;
  return [...all.slice(2, rank), ...all.slice(rank + 2)];
}
