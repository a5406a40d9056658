import { stepsAreVectorizable, stepsOf } from "./epilogue.ts";
import { type Layout, pictureOf, type WindowAttributes, windowOf } from "./geometry.ts";
import type { Kernel, Problem } from "./kernel.ts";
import { perOutput } from "./per-output.ts";
import { splitOutput, threeAxes } from "./three-axes.ts";
import { computeType, elementOf, needsFloats, type Width } from "./wgsl.ts";

/** What a pool does with the elements of its window. */
export type PoolKind = "max" | "average";

/**
 * Pooling with one output per thread, or four neighbouring channels where they lie side by side.
 * Up to three spatial axes, both layouts.
 */
export function poolKernel(kind: PoolKind): Kernel {
  return {
    name: `pool-${kind}`,
    placed: { output: true, inputs: "first" },
    supports: needsFloats,
    configs: (problem) => (widest(problem) === 4 ? [{ width: 4 }, { width: 1 }] : [{ width: 1 }]),
    fits: (config, problem) =>
      (config.width as number) <= widest(problem) || "channels do not lie four side by side",
    build(problem, config, options) {
      const width = config.width as Width;
      const x = problem.inputs[0]!;
      const element = elementOf(x, width);
      const countPadding = problem.attributes.count_include_pad === 1;
      return perOutput(
        problem,
        {
          label: `pool ${kind}`,
          buffers: [{ name: "x", element, from: { kind: "input", index: 0 } }],
          params: sizes(problem, width),
          steps: stepsOf(problem),
          width,
          code: `${splitOutput(problem.attributes.layout as Layout, "at")}
  let base = n * params.xN + k * params.xC${x.place ? " + params.xFirst" : ""};
${kind === "max" ? maximum(width) : average(width, countPadding)}`,
        },
        options,
      );
    },
  };
}

function widest(problem: Problem): Width {
  const out = problem.outputs[0]!;
  const { channels } = pictureOf(out.dims, problem.attributes.layout as Layout);
  const side = problem.attributes.layout === "NHWC" && channels % 4 === 0;
  return side && stepsAreVectorizable(stepsOf(problem), out) ? 4 : 1;
}

/** Loops over the taps of the window that lie inside the picture, with `tap` at each. */
function overWindow(tap: string): string {
  return `  for (var r0 = 0u; r0 < params.R0; r0++) {
    // Before the border wraps around to a large number.
    let h0 = p0 * params.stride0 + r0 * params.dilation0 - params.pad0;
    for (var r1 = 0u; r1 < params.R1; r1++) {
      let h1 = p1 * params.stride1 + r1 * params.dilation1 - params.pad1;
      for (var r2 = 0u; r2 < params.R2; r2++) {
        let h2 = p2 * params.stride2 + r2 * params.dilation2 - params.pad2;
        ${tap}
      }
    }
  }`;
}

const inside = "h0 < params.H0 && h1 < params.H1 && h2 < params.H2";
const load = (T: string) => `${T}(x[base + h0 * params.x0 + h1 * params.x1 + h2 * params.x2])`;

function maximum(width: Width): string {
  const T = computeType(width);
  return `  var value = ${T}(-3.4028234e38);
${overWindow(`if (${inside}) { value = max(value, ${load(T)}); }`)}`;
}

/** Counts the taps inside the picture, or inside picture and padding (not those beyond it). */
function average(width: Width, countPadding: boolean): string {
  const T = computeType(width);
  const padded = [0, 1, 2]
    .map((a) => `h${a} + params.pad${a} < params.H${a} + params.pad${a} + params.end${a}`)
    .join(" && ");
  return `  var value = ${T}();
  var taps = 0.0;
${overWindow(`if (${inside}) { value += ${load(T)}; }
        if (${countPadding ? padded : inside}) { taps += 1.0; }`)}
  value /= ${T}(max(taps, 1.0));`;
}

function sizes(problem: Problem, width: Width): Record<string, number> {
  const layout = problem.attributes.layout as Layout;
  const x = problem.inputs[0]!;
  const { channels, spatial } = pictureOf(x.dims, layout);
  const kernel = problem.attributes.kernel_shape as readonly number[];
  const attributes = problem.attributes as unknown as WindowAttributes;
  const window = windowOf(spatial, kernel, attributes, problem.attributes.ceil_mode === 1);
  return {
    K: channels / width,
    ...(x.place && { xFirst: x.place.first / width }),
    ...threeAxes(x.dims, layout, window, width, x.place),
  };
}
