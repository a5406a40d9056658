// More sums for each thread, and the next slice on its way while this one is multiplied.
// layout: channels last
// workgroups: K/64, N*H*W/64
//
// Teaches to hide latency: 64 threads keep 8x8 sums each, so that every vector from workgroup
// memory serves twice as many products, and each thread asks for its part of the next slice before
// it multiplies the present one. The loads are under way for the whole multiplication.

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>; // [N][H][W][C/4]
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>; // [3][3][C][K/4]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>; // [N][H][W][K/4]

// A row of `a` is one vector longer than it needs, so that rows begin in different banks.
var<workgroup> a: array<vec4<f32>, 320>; // [64 pixels][4 vectors of channels, and one]
var<workgroup> b: array<vec4<f32>, 256>; // [16 channels][16 vectors of filters]

// Vector `i` of the 256 that a slice of the picture has.
fn loadPicture(slice: u32, firstPixel: u32, i: u32) -> vec4<f32> {
  let C4 = params.C / 4u;
  let pixels = params.N * params.H * params.W;
  let tap = slice / (params.C / 16u);
  let c = slice % (params.C / 16u) * 4u + i % 4u;
  let pixel = firstPixel + i / 4u;
  let h = pixel / params.W % params.H + tap / params.S - 1u;
  let v = pixel % params.W + tap % params.S - 1u;
  if (pixel >= pixels || h >= params.H || v >= params.W) { return vec4<f32>(); }
  return x[((pixel / (params.H * params.W) * params.H + h) * params.W + v) * C4 + c];
}

// Vector `i` of the 256 that a slice of the weights has.
fn loadWeights(slice: u32, firstK4: u32, i: u32) -> vec4<f32> {
  let K4 = params.K / 4u;
  let k = firstK4 + i % 16u;
  if (k >= K4) { return vec4<f32>(); }
  return w[(slice * 16u + i / 16u) * K4 + k];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let K4 = params.K / 4u;
  let pixels = params.N * params.H * params.W;
  let slices = params.R * params.S * (params.C / 16u);
  let tx = lane % 8u;
  let ty = lane / 8u;
  let firstPixel = group.y * 64u;
  let firstK4 = group.x * 16u;
  var sum: array<vec4<f32>, 16>; // [8 pixels][2 vectors of filters]
  var nextA: array<vec4<f32>, 4>;
  var nextB: array<vec4<f32>, 4>;
  for (var i = 0u; i < 4u; i++) {
    nextA[i] = loadPicture(0u, firstPixel, lane + 64u * i);
    nextB[i] = loadWeights(0u, firstK4, lane + 64u * i);
  }
  for (var slice = 0u; slice < slices; slice++) {
    for (var i = 0u; i < 4u; i++) {
      let at = lane + 64u * i;
      a[at / 4u * 5u + at % 4u] = nextA[i];
      b[at] = nextB[i];
    }
    workgroupBarrier();
    if (slice + 1u < slices) {
      for (var i = 0u; i < 4u; i++) {
        nextA[i] = loadPicture(slice + 1u, firstPixel, lane + 64u * i);
        nextB[i] = loadWeights(slice + 1u, firstK4, lane + 64u * i);
      }
    }
    for (var d = 0u; d < 4u; d++) {
      var rows: array<vec4<f32>, 8>;
      for (var i = 0u; i < 8u; i++) { rows[i] = a[(ty + 8u * i) * 5u + d]; }
      for (var e = 0u; e < 4u; e++) {
        let left = b[(4u * d + e) * 16u + tx];
        let right = b[(4u * d + e) * 16u + tx + 8u];
        for (var i = 0u; i < 8u; i++) {
          let factor = vec4<f32>(rows[i][e]);
          sum[2u * i] = fma(factor, left, sum[2u * i]);
          sum[2u * i + 1u] = fma(factor, right, sum[2u * i + 1u]);
        }
      }
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < 8u; i++) {
    let pixel = firstPixel + ty + 8u * i;
    if (pixel >= pixels) { continue; }
    if (firstK4 + tx < K4) { y[pixel * K4 + firstK4 + tx] = sum[2u * i]; }
    if (firstK4 + tx + 8u < K4) { y[pixel * K4 + firstK4 + tx + 8u] = sum[2u * i + 1u]; }
  }
}
