import type { Config, DeviceTraits } from "./kernel.ts";

/**
 * A tile of a matrix product C[M][N] = A[M][K] B[K][N], computed by one workgroup. Each thread
 * keeps `rows` x `cols` sums in registers; A and B pass through workgroup memory in slices that
 * are `depth` deep. Sizes in elements.
 */
export interface Tile {
  /** Rows and columns of C per workgroup. */
  readonly tileM: number;
  readonly tileN: number;
  readonly depth: number;
  /** Rows and columns of C per thread; `cols` is a multiple of 4. */
  readonly rows: number;
  readonly cols: number;
  /** Load the next slice into registers while the present one is multiplied. */
  readonly prefetch: boolean;
  /** Write the loop over a slice out, instead of leaving it to the driver. */
  readonly unroll: boolean;
  /** Parts that the sum is cut into, computed side by side: 1 leaves it whole. */
  readonly splits: number;
}

export const tileOf = (config: Config): Tile => config as unknown as Tile;

export const threadsOf = (t: Tile): number => (t.tileM / t.rows) * (t.tileN / t.cols);

/** Vectors of four that each thread loads of A and of B per slice. */
export const loadsOf = (t: Tile) => ({
  a: (t.tileM * t.depth) / 4 / threadsOf(t),
  b: (t.tileN * t.depth) / 4 / threadsOf(t),
});

/** A row of A in workgroup memory is one vector longer than it needs, against bank conflicts. */
const rowVectors = (t: Tile): number => t.depth / 4 + 1;

/** Bytes of workgroup memory. */
const tileBytes = (t: Tile): number => 16 * (t.tileM * rowVectors(t) + (t.depth * t.tileN) / 4);

/** `true`, or why the tile cannot run on the device. */
export function tileFits(t: Tile, device: DeviceTraits): true | string {
  const threads = threadsOf(t);
  const { a, b } = loadsOf(t);
  if (!Number.isInteger(a) || !Number.isInteger(b)) {
    return `${threads} threads cannot share the loads of a slice evenly`;
  }
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupStorageSize } = device;
  if (threads > maxComputeInvocationsPerWorkgroup) {
    return `needs ${threads} threads, the device allows ${maxComputeInvocationsPerWorkgroup}`;
  }
  const bytes = tileBytes(t);
  if (bytes > maxComputeWorkgroupStorageSize) {
    return `needs ${bytes} bytes shared, the device has ${maxComputeWorkgroupStorageSize}`;
  }
  return true;
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** What a matrix product needs to be told of its operands, as WGSL. */
export interface TileCode {
  /** Statements run once, before the loop, that set up the loads; may use `lane`, `tileRow`. */
  readonly setup: string;
  /** Vector i of A that this thread loads for slice `slice`: an expression of type vec4<f32>. */
  readonly loadA: (i: number) => string;
  /** Vector i of B, likewise; at row `bRow` + i * bStep of the slice, column vector `bCol`. */
  readonly loadB: (i: number) => string;
  /** Statements run after a slice was loaded: moves the loads on. */
  readonly advance: string;
  /** Statements that store `value` (vec4<f32>), the sums of `row` and of column vector `col`. */
  readonly store: string;
}

/**
 * The body of `main` for a tile. In scope for the code given: `lane` (index in the workgroup),
 * `tileRow` and `tileCol` (first row and column vector of the tile), `firstSlice` and `lastSlice`
 * (the slices to sum over, the last one excluded).
 *
 * A thread loads rows `aRow + i * aStep` of A at vector `aVec` of the slice, and rows
 * `bRow + i * bStep` of B's slice at vector `bVec` of the tile; `aRow`, `aVec`, `bRow`, `bVec` are
 * variables, `aStep` and `bStep` constants.
 */
export function tileBody(t: Tile, code: TileCode): string {
  const threads = threadsOf(t);
  const loads = loadsOf(t);
  const across = t.tileN / t.cols;
  const down = t.tileM / t.rows;
  const colVectors = t.cols / 4;
  const load = [
    ...range(loads.a).map((i) => `na${i} = ${code.loadA(i)};`),
    ...range(loads.b).map((i) => `nb${i} = ${code.loadB(i)};`),
    code.advance,
  ].join("\n    ");
  const keep = [
    ...range(loads.a).map(
      (i) => `sharedA[(aRow + ${i}u * aStep) * ${rowVectors(t)}u + aVec] = na${i};`,
    ),
    ...range(loads.b).map(
      (i) => `sharedB[(bRow + ${i}u * bStep) * ${t.tileN / 4}u + bVec] = nb${i};`,
    ),
  ].join("\n    ");
  const sums = range(t.rows).flatMap((i) => range(colVectors).map((j) => `sum${i}_${j}`));
  const stores = range(t.rows).flatMap((i) =>
    range(colVectors).map(
      (j) => `{
    let row = tileRow + ty + ${i * down}u;
    let col = tileCol + tx + ${j * across}u;
    let value = sum${i}_${j};
    ${code.store}
  }`,
    ),
  );
  return `  const aStep = ${(threads * 4) / t.depth}u;
  const bStep = ${(threads * 4) / t.tileN}u;
  let tx = lane % ${across}u;
  let ty = lane / ${across}u;
  let aVec = lane % ${t.depth / 4}u;
  let aRow = lane / ${t.depth / 4}u;
  let bVec = lane % ${t.tileN / 4}u;
  let bRow = lane / ${t.tileN / 4}u;
${code.setup}
  ${sums.map((s) => `var ${s} = vec4<f32>();`).join(" ")}
  ${range(loads.a)
    .map((i) => `var na${i}: vec4<f32>;`)
    .concat(range(loads.b).map((i) => `var nb${i}: vec4<f32>;`))
    .join(" ")}
  var slice = firstSlice;
  ${t.prefetch ? load : ""}
  for (; slice < lastSlice; slice++) {
    ${t.prefetch ? "" : load}
    ${keep}
    workgroupBarrier();
    ${t.prefetch ? `if (slice + 1u < lastSlice) {\n    ${load}\n    }` : ""}
${multiply(t)}
    workgroupBarrier();
  }
  ${stores.join("\n  ")}
`;
}

/** Multiplies the slice in workgroup memory into the sums. */
function multiply(t: Tile): string {
  const across = t.tileN / t.cols;
  const down = t.tileM / t.rows;
  const colVectors = t.cols / 4;
  const step = (v: string) => {
    const lines = range(t.rows).map(
      (i) => `let a${i} = sharedA[(ty + ${i * down}u) * ${rowVectors(t)}u + ${v}];`,
    );
    for (const k of range(4)) {
      for (const j of range(colVectors)) {
        lines.push(
          `let b${k}_${j} = sharedB[(${v} * 4u + ${k}u) * ${t.tileN / 4}u + tx + ${j * across}u];`,
        );
      }
      for (const i of range(t.rows)) {
        for (const j of range(colVectors)) {
          lines.push(
            `sum${i}_${j} = fma(vec4<f32>(a${i}.${"xyzw"[k]}), b${k}_${j}, sum${i}_${j});`,
          );
        }
      }
    }
    return lines.map((l) => `      ${l}`).join("\n");
  };
  if (t.unroll) {
    return range(t.depth / 4)
      .map((v) => `    {\n${step(`${v}u`)}\n    }`)
      .join("\n");
  }
  return `    for (var v = 0u; v < ${t.depth / 4}u; v++) {\n${step("v")}\n    }`;
}

/** Declarations of the workgroup memory that `tileBody` uses. */
export function tileMemory(t: Tile): string {
  return `var<workgroup> sharedA: array<vec4<f32>, ${t.tileM * rowVectors(t)}>;
var<workgroup> sharedB: array<vec4<f32>, ${(t.depth * t.tileN) / 4}>;`;
}
