// Convolution as a matrix product that is never laid out in memory (implicit GEMM).
// layout: channels last
// workgroups: K/64, N*H*W/64
//
// Teaches the view that makes all convolutions alike: rows are output pixels, columns are output
// channels, and the sum runs over 9 C products. A workgroup computes 64x64 outputs; slices of both
// operands, 16 deep, pass through workgroup memory, and each of 256 threads keeps 4x4 sums. Now
// the weights are shared too, and small pictures or odd sizes waste less.
// Method: Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning", 2014.

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>; // [N][H][W][C/4]
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>; // [3][3][C][K/4]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>; // [N][H][W][K/4]

var<workgroup> a: array<vec4<f32>, 256>; // [64 pixels][4 vectors of channels]
var<workgroup> b: array<vec4<f32>, 256>; // [16 channels][16 vectors of filters]

// Four channels of the input for an output pixel and a tap; zero outside the picture.
fn load(pixel: u32, tap: u32, c: u32) -> vec4<f32> {
  let C4 = params.C / 4u;
  let pixels = params.N * params.H * params.W;
  let h = pixel / params.W % params.H + tap / params.S - 1u;
  let v = pixel % params.W + tap % params.S - 1u;
  if (pixel >= pixels || h >= params.H || v >= params.W) { return vec4<f32>(); }
  return x[((pixel / (params.H * params.W) * params.H + h) * params.W + v) * C4 + c];
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let C4 = params.C / 4u;
  let K4 = params.K / 4u;
  let pixels = params.N * params.H * params.W;
  let tx = lane % 16u;
  let ty = lane / 16u;
  let firstPixel = group.y * 64u;
  let firstK4 = group.x * 16u;
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var tap = 0u; tap < params.R * params.S; tap++) {
    for (var c = 0u; c < C4; c += 4u) {
      a[lane] = load(firstPixel + lane / 4u, tap, c + lane % 4u);
      let k = firstK4 + tx;
      var weights = vec4<f32>();
      if (k < K4) { weights = w[(tap * params.C + 4u * c + ty) * K4 + k]; }
      b[lane] = weights;
      workgroupBarrier();
      for (var d = 0u; d < 4u; d++) {
        let a0 = a[ty * 4u + d];
        let a1 = a[(ty + 16u) * 4u + d];
        let a2 = a[(ty + 32u) * 4u + d];
        let a3 = a[(ty + 48u) * 4u + d];
        for (var e = 0u; e < 4u; e++) {
          let factor = b[(4u * d + e) * 16u + tx];
          sum0 = fma(vec4<f32>(a0[e]), factor, sum0);
          sum1 = fma(vec4<f32>(a1[e]), factor, sum1);
          sum2 = fma(vec4<f32>(a2[e]), factor, sum2);
          sum3 = fma(vec4<f32>(a3[e]), factor, sum3);
        }
      }
      workgroupBarrier();
    }
  }
  let k = firstK4 + tx;
  if (k >= K4) { return; }
  let pixel = firstPixel + ty;
  if (pixel < pixels) { y[pixel * K4 + k] = sum0; }
  if (pixel + 16u < pixels) { y[(pixel + 16u) * K4 + k] = sum1; }
  if (pixel + 32u < pixels) { y[(pixel + 32u) * K4 + k] = sum2; }
  if (pixel + 48u < pixels) { y[(pixel + 48u) * K4 + k] = sum3; }
}
