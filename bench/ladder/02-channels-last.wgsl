// The same work with the channels of a pixel side by side.
// layout: channels last
// workgroups: N*H*W*K/64
//
// Teaches that the order of axes decides who shares a load. Neighbouring threads now compute
// neighbouring channels of one pixel: all read the same input, which the hardware loads once for
// the wave, and weights that lie side by side. The border is tested once for C products, not for
// each.

@group(0) @binding(0) var<storage, read> x: array<f32>; // [N][H][W][C]
@group(0) @binding(1) var<storage, read> w: array<f32>; // [3][3][C][K]
@group(0) @binding(2) var<storage, read_write> y: array<f32>; // [N][H][W][K]

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i >= params.N * params.H * params.W * params.K) { return; }
  let k = i % params.K;
  let q = i / params.K % params.W;
  let p = i / (params.K * params.W) % params.H;
  let n = i / (params.K * params.W * params.H);
  var sum = 0.0;
  for (var r = 0u; r < params.R; r++) {
    for (var s = 0u; s < params.S; s++) {
      let h = p + r - 1u;
      let v = q + s - 1u;
      if (h >= params.H || v >= params.W) { continue; }
      let pixel = ((n * params.H + h) * params.W + v) * params.C;
      let tap = (r * params.S + s) * params.C * params.K + k;
      for (var c = 0u; c < params.C; c++) {
        sum += x[pixel + c] * w[tap + c * params.K];
      }
    }
  }
  y[i] = sum;
}
