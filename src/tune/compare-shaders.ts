/** Values are compared where they are: reading large outputs back takes longer than computing. */

const lanes = 256;

/** Workgroups that share the comparison of two outputs, and numbers that each gives back. */
export const comparison = { workgroups: 512, numbers: 4 } as const;

/** Fills `y` with NaN, in float32 and float16 alike: what is not written must show. */
export const poisonShader = `@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(${lanes})
fn main(@builtin(global_invocation_id) id: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>) {
  for (var i = id.x; i < arrayLength(&y); i += workgroups.x * ${lanes}u) { y[i] = 0xffffffffu; }
}`;

/** Copies the words of `y` that hold the elements at `indices` into `picked`. */
export const pickShader = (elementsPerWord: 1 | 2) => `
@group(0) @binding(0) var<storage, read> y: array<u32>;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read_write> picked: array<u32>;
@compute @workgroup_size(${lanes})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < arrayLength(&picked)) { picked[id.x] = y[indices[id.x] / ${elementsPerWord}u]; }
}`;

/** What differs between two words of float32, or of two float16. */
const wordCode = {
  1: `compare(bitcast<f32>(a), bitcast<f32>(b), a == b, isFinite(a) && isFinite(b));`,
  2: `let x = unpack2x16float(a);
    let y = unpack2x16float(b);
    let finite = isFinite16(a) && isFinite16(b);
    compare(x.x, y.x, a == b, finite);
    compare(x.y, y.y, a == b, finite);`,
} as const;

/**
 * Adds up, for each workgroup: squared differences, squares of what is expected, the largest
 * difference, and words that differ and are not finite. Bits tell what is finite, because compilers
 * may assume that all numbers are.
 */
export const compareShader = (elementsPerWord: 1 | 2) => `
@group(0) @binding(0) var<storage, read> actual: array<u32>;
@group(0) @binding(1) var<storage, read> expected: array<u32>;
@group(0) @binding(2) var<storage, read_write> sums: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> size: vec4<u32>;
var<private> total: vec4<f32>;
var<workgroup> shares: array<vec4<f32>, ${lanes}>;
fn isFinite(bits: u32) -> bool { return (bits & 0x7f800000u) != 0x7f800000u; }
fn isFinite16(bits: u32) -> bool {
  return (bits & 0x7c00u) != 0x7c00u && (bits & 0x7c000000u) != 0x7c000000u;
}
fn compare(a: f32, b: f32, same: bool, finite: bool) {
  if (!finite) { total.w += select(1.0, 0.0, same); return; }
  let d = a - b;
  total += vec4<f32>(d * d, b * b, 0.0, 0.0);
  total.z = max(total.z, abs(d));
}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_index) lane: u32) {
  let step = ${comparison.workgroups * lanes}u;
  for (var i = workgroup.x * ${lanes}u + lane; i < size.x; i += step) {
    let a = actual[i];
    let b = expected[i];
    ${wordCode[elementsPerWord]}
  }
  shares[lane] = total;
  workgroupBarrier();
  for (var reach = ${lanes / 2}u; reach > 0u; reach /= 2u) {
    if (lane < reach) {
      let a = shares[lane];
      let b = shares[lane + reach];
      shares[lane] = vec4<f32>(a.xy + b.xy, max(a.z, b.z), a.w + b.w);
    }
    workgroupBarrier();
  }
  if (lane == 0u) { sums[workgroup.x] = shares[0]; }
}`;
