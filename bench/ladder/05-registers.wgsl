// Sixteen outputs for each thread: what is read once is multiplied four times as often.
// layout: channels last
// workgroups: W/8, H/8, N*K/16
//
// Teaches register tiles, the most important step: a thread keeps 16 sums, so that a vector read
// from workgroup memory serves 64 products instead of 16. Registers are the only memory as fast as
// the arithmetic; every faster kernel is a way to keep more sums in them.

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>; // [N][H][W][C/4]
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>; // [3][3][C][K/4]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>; // [N][H][W][K/4]

var<workgroup> picture: array<vec4<f32>, 200>; // [10][10][2]

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let C4 = params.C / 4u;
  let K4 = params.K / 4u;
  let k = group.z % (params.K / 16u) * 4u;
  let n = group.z / (params.K / 16u);
  let row = lane / 8u;
  let col = lane % 8u;
  let p = group.y * 8u + row;
  let q = group.x * 8u + col;
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var c = 0u; c < C4; c += 2u) {
    for (var i = lane; i < 200u; i += 64u) {
      let h = group.y * 8u + i / 20u - 1u;
      let v = group.x * 8u + i / 2u % 10u - 1u;
      var value = vec4<f32>();
      if (h < params.H && v < params.W) {
        value = x[((n * params.H + h) * params.W + v) * C4 + c + i % 2u];
      }
      picture[i] = value;
    }
    workgroupBarrier();
    for (var r = 0u; r < params.R; r++) {
      for (var s = 0u; s < params.S; s++) {
        for (var d = 0u; d < 2u; d++) {
          let a = picture[((row + r) * 10u + col + s) * 2u + d];
          let tap = ((r * params.S + s) * params.C + 4u * (c + d)) * K4 + k;
          for (var e = 0u; e < 4u; e++) {
            let factor = vec4<f32>(a[e]);
            sum0 = fma(factor, w[tap + e * K4], sum0);
            sum1 = fma(factor, w[tap + e * K4 + 1u], sum1);
            sum2 = fma(factor, w[tap + e * K4 + 2u], sum2);
            sum3 = fma(factor, w[tap + e * K4 + 3u], sum3);
          }
        }
      }
    }
    workgroupBarrier();
  }
  if (p >= params.H || q >= params.W) { return; }
  let to = ((n * params.H + p) * params.W + q) * K4 + k;
  y[to] = sum0;
  y[to + 1u] = sum1;
  y[to + 2u] = sum2;
  y[to + 3u] = sum3;
}
