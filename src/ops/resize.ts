import { type AxisTable, axisGather, outside } from "../kernels/axis-gather.ts";
import { type AxisResize, resizeTable, type Sampling } from "../kernels/resize-tables.ts";
import { normalizeAxis, type Shape, sizeOf } from "../tensor/index.ts";
import { float, int, intList, oneOf, optional } from "./attributes.ts";
import { type AttributesOf, defineOp, type Ndarray } from "./define.ts";
import {
  checkedDims,
  type KnownInputs,
  knownIntegers,
  knownNumbers,
  numbersOf,
  permuteNumbers,
  renameAxis,
} from "./known.ts";
import { resizeCases } from "./resize-cases.ts";

const attributes = {
  mode: oneOf("nearest", "linear", "cubic"),
  coordinate_transformation_mode: oneOf(
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_crop_and_resize",
  ),
  nearest_mode: oneOf("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
  cubic_coeff_a: float(-0.75),
  exclude_outside: int(0),
  extrapolation_value: float(0),
  keep_aspect_ratio_policy: oneOf("stretch", "not_larger", "not_smaller"),
  antialias: int(0),
  axes: optional(intList()),
};

type Attributes = AttributesOf<typeof attributes>;

/** The inputs after the picture; undefined where they are left out or empty. */
interface Wanted {
  readonly roi: readonly number[] | undefined;
  readonly scales: readonly number[] | undefined;
  readonly sizes: readonly number[] | undefined;
}

const filled = (list: readonly number[] | undefined) => (list?.length ? list : undefined);

function knownWanted(node: KnownInputs): Wanted {
  return {
    roi: filled(knownNumbers(node, 1, "the region")),
    scales: filled(knownNumbers(node, 2, "the scales")),
    sizes: filled(knownIntegers(node, 3, "the sizes")),
  };
}

/** The factor along each of the named axes, and the output's size. */
function scaled(sizes: Shape, { scales, sizes: wanted }: Wanted, attributes: Attributes) {
  const f32 = Math.fround;
  if (scales)
    return sizes.map((size, i) => ({ scale: scales[i]!, output: grow(size, scales[i]!) }));
  const ratios = sizes.map((size, i) => f32(wanted![i]! / size));
  const policy = attributes.keep_aspect_ratio_policy;
  if (policy === "stretch") return ratios.map((scale, i) => ({ scale, output: wanted![i]! }));
  const scale = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  return sizes.map((size) => ({ scale, output: Math.floor(f32(scale * size) + 0.5) }));
}

/** ONNX multiplies in float32: 10 times 0.7 is 7, though float32's 0.7 is a little less. */
const grow = (size: number, scale: number) => Math.floor(Math.fround(size * scale));

/** What happens along every axis. Throws a sentence where the inputs do not fit. */
function axesOf(dims: Shape, wanted: Wanted, attributes: Attributes): AxisResize[] {
  const named = (attributes.axes ?? dims.map((_, i) => i)).map((a) =>
    normalizeAxis(a, dims.length),
  );
  checkWanted(wanted, named, attributes);
  const sizes = named.map((axis) => dims[axis]!);
  const results: AxisResize[] = dims.map((d) => ({ input: d, output: d, scale: 1, roi: [0, 1] }));
  scaled(sizes, wanted, attributes).forEach(({ scale, output }, i) => {
    const input = sizes[i]!;
    if (input === 0 && output > 0) throw new Error(`axis ${named[i]} has no element to show`);
    const { roi } = wanted;
    const part = [roi?.[i] ?? 0, roi?.[i + named.length] ?? 1] as const;
    results[named[i]!] = { input, output, scale, roi: part };
  });
  return results;
}

function checkWanted({ roi, scales, sizes }: Wanted, axes: readonly number[], a: Attributes): void {
  if (new Set(axes).size < axes.length) throw new Error(`the axes ${axes} name one twice`);
  if (!scales === !sizes) {
    throw new Error(
      `scales (input 2) and sizes (input 3) are ${scales ? "both given" : "missing"}`,
    );
  }
  const list = (scales ?? sizes)!;
  const name = scales ? "scales" : "sizes";
  if (list.length !== axes.length) {
    throw new Error(`${name} has ${list.length} numbers for ${axes.length} axes`);
  }
  const bad = list.find((v) => !(v > 0 && v < Number.POSITIVE_INFINITY));
  if (bad !== undefined) throw new Error(`${name} holds ${bad}, needs more than 0`);
  if (a.coordinate_transformation_mode !== "tf_crop_and_resize") return;
  if (roi?.length === 2 * axes.length) return;
  throw new Error(
    `roi has ${roi?.length ?? 0} numbers, ${axes.length} axes need ${2 * axes.length}`,
  );
}

/** `x` along one axis as the table says; zero where the table is outside. */
function alongAxis(x: Ndarray, axis: number, table: AxisTable): Ndarray {
  const { size, taps, places, weights } = table;
  const before = sizeOf(x.dims.slice(0, axis));
  const after = sizeOf(x.dims.slice(axis + 1));
  const data = new Float64Array(before * size * after);
  for (let o = 0; o < before * size; o++) {
    const row = Math.floor(o / size) * x.dims[axis]!;
    for (let t = 0; t < taps; t++) {
      const entry = (o % size) * taps + t;
      if (places[entry] === outside) continue;
      const from = (row + places[entry]!) * after;
      const weight = weights?.[entry] ?? 1;
      for (let i = 0; i < after; i++) data[o * after + i]! += weight * x.data[from + i]!;
    }
  }
  return { dims: x.dims.with(axis, size), data };
}

/** Overwrites what lies outside of the region along one axis. */
function fillOutside(result: Ndarray, axis: number, table: AxisTable, value: number): void {
  const after = sizeOf(result.dims.slice(axis + 1));
  for (let o = 0; o * after < result.data.length; o++) {
    if (table.places[(o % table.size) * table.taps] !== outside) continue;
    result.data.fill(value, o * after, (o + 1) * after);
  }
}

export const resize = defineOp({
  name: "Resize",
  opsets: [10, 11, 13, 18, 19],
  summary: "a picture (or any tensor) resampled to other sizes: nearest, linear or cubic",
  attributes,
  inputs: [1, 4],
  infer(context) {
    const { dtype, dims } = context.inputs[0]!;
    const axes = axesOf(dims, knownWanted(context), context.attributes);
    return [{ dtype, dims: checkedDims(axes.map((axis) => axis.output)) }];
  },
  reference([x, roi, scales, sizes], attributes) {
    const [r, f, s] = [roi, scales, sizes].map((list) => filled(numbersOf(list)));
    const axes = axesOf(x!.dims, { roi: r, scales: f, sizes: s }, attributes);
    const tables = axes.map((axis) => resizeTable(axis, attributes));
    let result: Ndarray = { dims: x!.dims, data: x!.data.slice() };
    tables.forEach((table, axis) => {
      if (table) result = alongAxis(result, axis, table);
    });
    tables.forEach((table, axis) => {
      if (table) fillOutside(result, axis, table, attributes.extrapolation_value);
    });
    return [result.data];
  },
  kernels: [
    axisGather((problem) => {
      const attributes = problem.attributes as unknown as Attributes & Sampling;
      const axes = axesOf(problem.inputs[0]!.dims, knownWanted(problem), attributes);
      const tables = axes.map((axis) => resizeTable(axis, attributes));
      return { tables, fill: attributes.extrapolation_value };
    }),
  ],
  permuteAxes({ permutation, attributes, constants }) {
    if (attributes.axes) {
      const axes = attributes.axes.map((axis) => renameAxis(axis, permutation));
      return { attributes: { axes } };
    }
    const both = [...permutation, ...permutation.map((axis) => axis + permutation.length)];
    const changed = [both, permutation, permutation].flatMap((order, i) => {
      const list = constants[i + 1];
      return list?.size === order.length ? [[i + 1, permuteNumbers(list, order)] as const] : [];
    });
    return { constants: new Map(changed) };
  },
  traits: { acceptsEpilogue: true, layout: "axes", plannedInputs: [1, 2] },
  cases: resizeCases,
});
