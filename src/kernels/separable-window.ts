import { clamped } from "./clamp.ts";
import type { Conv2d } from "./conv-problem.ts";
import type { Load } from "./gemm-tile.ts";
import type { BuildOptions, Problem } from "./kernel.ts";

/** How four channels of a pixel of the value between are computed, as WGSL. */
interface WindowCode {
  /** `insideOf(top, left)`, a bit for each tap that is inside of the picture; what `load` calls. */
  readonly functions: string;
  /** Reads `start0`, `inside0`, ... and `channel`. */
  readonly load: Pick<Load, "value" | "raw">;
}

/**
 * The window of a depthwise convolution, loaded where a product needs what it gives. Written out, a
 * window is loaded before the slice before is multiplied and summed up after it, so that nothing
 * waits for it; compiled for gfx1010, 6 to 33 waits of a loop become none. Emulated GPUs would
 * compile that for long: they get a loop over the taps. No branch around a load: the GPU would wait
 * for each.
 */
export function windowCode(
  c: Conv2d,
  problem: Problem,
  pitch: string,
  { tailor = false }: BuildOptions,
): WindowCode {
  const shift = problem.inputs[2] ? "vec4<f32>(shift[channel])" : "vec4<f32>()";
  const bound = (name: string) => problem.attributes[name] as number | null;
  const held = clamped("sum", "vec4<f32>", bound("low"), bound("high"));
  const code = tailor ? writtenOut(c, pitch, shift, held) : looped(c, pitch, shift, held);
  const note = "// Above the top and left of the border wraps around to a large number.";
  return { ...code, functions: `${note}\n${code.functions}` };
}

/** WGSL for the row and the column of a tap, a number or an expression. */
function placeOf(c: Conv2d, tap: number | string) {
  const [row, col] =
    typeof tap === "number"
      ? [`${Math.floor(tap / c.S)}u`, `${tap % c.S}u`]
      : [`${tap} / ${c.S}u`, `${tap} % ${c.S}u`];
  return { row: `${row} * params.dilationH`, col: `${col} * params.dilationW` };
}

function loadsOfTap(c: Conv2d, pitch: string, tap: number | string) {
  const { row, col } = placeOf(c, tap);
  const number = typeof tap === "number" ? `${tap}u` : tap;
  return {
    isInside: `top + ${row} < params.H && left + ${col} < params.W`,
    pixel: `vec4<f32>(x[start + (${row} * params.W + ${col}) * ${pitch} + channel])`,
    weight: `vec4<f32>(window[${number} * (params.depth / 4u) + channel])`,
  };
}

function writtenOut(c: Conv2d, pitch: string, shift: string, held: string): WindowCode {
  const count = c.R * c.S;
  const taps = Array.from({ length: count }, (_, tap) => ({
    ...loadsOfTap(c, pitch, tap),
    bit: `${(1 << tap) >>> 0}u`,
    at: tap,
  }));
  const type = `array<vec4<f32>, ${2 * count + 1}>`;
  const loads = [...taps.map((t) => t.pixel), ...taps.map((t) => t.weight), shift];
  const masks = taps.map((t) => `  mask |= select(0u, ${t.bit}, ${t.isInside});`);
  const sums = taps.map(({ at, bit }) => {
    const pixel = `select(vec4<f32>(), raw[${at}], (inside & ${bit}) != 0u)`;
    return `  sum = fma(${pixel}, raw[${count + at}], sum);`;
  });
  const functions = `fn insideOf(top: u32, left: u32) -> u32 {
  var mask = 0u;
${masks.join("\n")}
  return mask;
}
fn windowAt(start: u32, channel: u32) -> ${type} {
  return ${type}(
    ${loads.join(",\n    ")},
  );
}
fn between(raw: ${type}, inside: u32) -> vec4<f32> {
  var sum = raw[${2 * count}];
${sums.join("\n")}
  return ${held};
}
`;
  const load: WindowCode["load"] = {
    value: (i) => `windowAt(start${i}, channel)`,
    raw: { type, made: (i, raw) => `between(${raw}, inside${i})` },
  };
  return { functions, load };
}

function looped(c: Conv2d, pitch: string, shift: string, held: string): WindowCode {
  const { isInside, pixel, weight } = loadsOfTap(c, pitch, "tap");
  const loop = `for (var tap = 0u; tap < ${c.R * c.S}u; tap++)`;
  const functions = `fn insideOf(top: u32, left: u32) -> u32 {
  var mask = 0u;
  ${loop} { mask |= select(0u, 1u << tap, ${isInside}); }
  return mask;
}
fn between(start: u32, inside: u32, channel: u32) -> vec4<f32> {
  var sum = ${shift};
  ${loop} {
    let pixel = select(vec4<f32>(), ${pixel}, ((inside >> tap) & 1u) == 1u);
    sum = fma(pixel, ${weight}, sum);
  }
  return ${held};
}
`;
  return { functions, load: { value: (i) => `between(start${i}, inside${i}, channel)` } };
}
