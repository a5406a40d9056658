// Four channels at a time, in and out.
// layout: channels last
// workgroups: N*H*W*K/256
//
// Teaches wide loads: a thread computes four neighbouring outputs, and 16 products come from five
// loads of 16 bytes where they took 32 loads of 4. Memory instructions are what the naive kernels
// spend their time on, not arithmetic.

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>; // [N][H][W][C/4]
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>; // [3][3][C][K/4]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>; // [N][H][W][K/4]

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let C4 = params.C / 4u;
  let K4 = params.K / 4u;
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i >= params.N * params.H * params.W * K4) { return; }
  let k = i % K4;
  let q = i / K4 % params.W;
  let p = i / (K4 * params.W) % params.H;
  let n = i / (K4 * params.W * params.H);
  var sum = vec4<f32>();
  for (var r = 0u; r < params.R; r++) {
    for (var s = 0u; s < params.S; s++) {
      let h = p + r - 1u;
      let v = q + s - 1u;
      if (h >= params.H || v >= params.W) { continue; }
      let pixel = ((n * params.H + h) * params.W + v) * C4;
      let tap = (r * params.S + s) * params.C * K4 + k;
      for (var c = 0u; c < C4; c++) {
        let a = x[pixel + c];
        let row = tap + 4u * c * K4;
        sum = fma(vec4<f32>(a.x), w[row], sum);
        sum = fma(vec4<f32>(a.y), w[row + K4], sum);
        sum = fma(vec4<f32>(a.z), w[row + 2u * K4], sum);
        sum = fma(vec4<f32>(a.w), w[row + 3u * K4], sum);
      }
    }
  }
  y[i] = sum;
}
