// The definition, one thread per output element, in ONNX's own order of axes.
// layout: channels first
// workgroups: N*K*H*W/64
//
// Teaches what the work is: each output is a sum of 9 C products. Neighbouring threads write
// neighbouring pixels and read neighbouring pixels, which is good; but every thread of a row reads
// the same weights again, one at a time, and each product costs two loads.

@group(0) @binding(0) var<storage, read> x: array<f32>; // [N][C][H][W]
@group(0) @binding(1) var<storage, read> w: array<f32>; // [K][C][3][3]
@group(0) @binding(2) var<storage, read_write> y: array<f32>; // [N][K][H][W]

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i >= params.N * params.K * params.H * params.W) { return; }
  let q = i % params.W;
  let p = i / params.W % params.H;
  let k = i / (params.W * params.H) % params.K;
  let n = i / (params.W * params.H * params.K);
  var sum = 0.0;
  for (var c = 0u; c < params.C; c++) {
    for (var r = 0u; r < params.R; r++) {
      for (var s = 0u; s < params.S; s++) {
        // One row above the top wraps around to a large number, which is outside too.
        let h = p + r - 1u;
        let v = q + s - 1u;
        if (h < params.H && v < params.W) {
          let a = x[((n * params.C + c) * params.H + h) * params.W + v];
          sum += a * w[((k * params.C + c) * params.R + r) * params.S + s];
        }
      }
    }
  }
  y[i] = sum;
}
