// A workgroup loads its piece of the picture once, and its threads share it.
// layout: channels last
// workgroups: W/8, H/8, N*K/4
//
// Teaches workgroup memory: 64 threads compute 8x8 pixels, which see 10x10 pixels of the input.
// Those are loaded once for all nine taps, eight channels at a time, with a barrier before and
// after they are read. All threads read the same weights at the same time. It can be slower than
// the step before where caches did this job well already: what is missing is reuse in registers.

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>; // [N][H][W][C/4]
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>; // [3][3][C][K/4]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>; // [N][H][W][K/4]

var<workgroup> picture: array<vec4<f32>, 200>; // [10][10][2]

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let C4 = params.C / 4u;
  let K4 = params.K / 4u;
  let k = group.z % K4;
  let n = group.z / K4;
  let row = lane / 8u;
  let col = lane % 8u;
  let p = group.y * 8u + row;
  let q = group.x * 8u + col;
  var sum = vec4<f32>();
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
          sum = fma(vec4<f32>(a.x), w[tap], sum);
          sum = fma(vec4<f32>(a.y), w[tap + K4], sum);
          sum = fma(vec4<f32>(a.z), w[tap + 2u * K4], sum);
          sum = fma(vec4<f32>(a.w), w[tap + 3u * K4], sum);
        }
      }
    }
    workgroupBarrier();
  }
  if (p < params.H && q < params.W) { y[((n * params.H + p) * params.W + q) * K4 + k] = sum; }
}
