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
  /** Rows and columns of C per thread; both multiples of 4. */
  readonly rows: number;
  readonly cols: number;
  /** Write the loop over a slice out, instead of leaving it to the driver. */
  readonly unroll: boolean;
  /** Slices in workgroup memory: with 2, one is written while the other is read. */
  readonly stages: number;
  readonly pad: number;
  /** Parts that the sum is cut into, computed side by side: 1 leaves it whole. */
  readonly splits: number;
}

export const tileOf = (config: Config): Tile => ({ pad: 2, ...config }) as unknown as Tile;

export const threadsOf = (t: Tile): number => (t.tileM / t.rows) * (t.tileN / t.cols);

/** Vectors of four that each thread loads of A and of B per slice. */
export const loadsOf = (t: Tile) => ({
  a: (t.tileM * t.depth) / 4 / threadsOf(t),
  b: (t.tileN * t.depth) / 4 / threadsOf(t),
});

/** Threads of a tile, down and across. */
const threadsDown = (t: Tile): number => t.tileM / t.rows;
const threadsAcross = (t: Tile): number => t.tileN / t.cols;

/** Vectors between four-deep steps of A: two more than needed spread the writes over all banks. */
const stepA = (t: Tile): number => t.rows + t.pad;

/**
 * Vectors in what one row (column) of threads reads of A (B) in a slice: an odd number, so that
 * neighbouring threads read different memory banks.
 */
const lineA = (t: Tile): number => (stepA(t) * t.depth) / 4 + 1;
const lineB = (t: Tile): number => (t.cols * t.depth) / 4 + 1;

/** Bytes of workgroup memory. */
const tileBytes = (t: Tile): number =>
  16 * t.stages * (threadsDown(t) * lineA(t) + threadsAcross(t) * lineB(t));

/** `true`, or why the tile cannot run on the device. */
export function tileFits(t: Tile, device: DeviceTraits): true | string {
  const threads = threadsOf(t);
  const { a, b } = loadsOf(t);
  if ([t.rows, t.cols, t.depth].some((n) => n % 4 !== 0)) {
    return `${t.rows}x${t.cols} per thread, ${t.depth} deep: needs multiples of 4`;
  }
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
 * Workgroup memory of a tile. A is kept by row of threads and B by column of threads, so that a
 * thread finds all that it multiplies at constant distances from one place: WebGPU checks every
 * index that is not constant, and a check at each load would cost a tenth of the time.
 */
export function tileMemory(t: Tile): string {
  const lines = (line: number, count: number) => {
    const one = `array<array<vec4<f32>, ${line}>, ${count}>`;
    return t.stages === 1 ? one : `array<${one}, ${t.stages}>`;
  };
  return `var<workgroup> sharedA: ${lines(lineA(t), threadsDown(t))};
var<workgroup> sharedB: ${lines(lineB(t), threadsAcross(t))};`;
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
  const across = threadsAcross(t);
  const down = threadsDown(t);
  const colVectors = t.cols / 4;
  const sums = range(t.rows).flatMap((i) => range(colVectors).map((j) => `sum${i}_${j}`));
  const fetched = [...range(loads.a).map((i) => `na${i}`), ...range(loads.b).map((i) => `nb${i}`)];
  const stores = range(t.rows).flatMap((i) =>
    range(colVectors).map(
      (j) => `{
    let row = tileRow + (ty + ${(i >> 2) * down}u) * 4u + ${i % 4}u;
    let col = tileCol + tx + ${j * across}u;
    let value = sum${i}_${j};
    ${code.store}
  }`,
    ),
  );
  return `  const aStep = ${(threads * 4) / t.depth}u;
  const bStep = ${(threads * 4) / t.tileN}u;
${placeOfThread(t)}
  let aVec = lane % ${t.depth / 4}u;
  let aRow = lane / ${t.depth / 4}u;
  let bVec = lane % ${t.tileN / 4}u;
  let bRow = lane / ${t.tileN / 4}u;
${code.setup}
  ${sums.map((s) => `var ${s} = vec4<f32>();`).join(" ")}
  ${fetched.map((name) => `var ${name}: vec4<f32>;`).join(" ")}
${loop(t, code)}
  ${stores.join("\n  ")}
`;
}

/**
 * Where a thread stands in the tile. Memory serves lanes by eights: 2 across and 4 down read the
 * fewest different vectors, and 4 such blocks side by side make 32 lanes of 8 across.
 */
function placeOfThread(t: Tile): string {
  const across = threadsAcross(t);
  const down = threadsDown(t);
  if (across % 8 !== 0 || down % 4 !== 0) {
    return `  let tx = lane % ${across}u;\n  let ty = lane / ${across}u;`;
  }
  return `  let tx = lane % 2u + lane / 8u % 4u * 2u + lane / ${8 * down}u * 8u;
  let ty = lane / 2u % 4u + lane / 32u % ${down / 4}u * 4u;`;
}

/** The loop over slices: fetch into registers, keep in workgroup memory, multiply. */
function loop(t: Tile, code: TileCode): string {
  const loads = loadsOf(t);
  const fetch = [
    ...range(loads.a).map((i) => `na${i} = ${code.loadA(i)};`),
    ...range(loads.b).map((i) => `nb${i} = ${code.loadB(i)};`),
    code.advance,
  ].join("\n    ");
  const next = (statements: string) => `if (slice + 1u < lastSlice) {\n    ${statements}\n    }`;
  if (t.stages === 1) {
    return `  ${fetch}
  for (var slice = firstSlice; slice < lastSlice; slice++) {
    ${keep(t, "")}
    workgroupBarrier();
    ${next(fetch)}
${multiply(t, "")}
    workgroupBarrier();
  }`;
  }
  return `  ${fetch}
  ${keep(t, "[0]")}
  workgroupBarrier();
  for (var slice = firstSlice; slice < lastSlice; slice++) {
    let stage = (slice - firstSlice) % 2u;
    ${next(fetch)}
${multiply(t, "[stage]")}
    ${next(keep(t, "[1u - stage]"))}
    workgroupBarrier();
  }`;
}

/** Writes what was fetched to workgroup memory, A transposed: four rows in a vector. */
function keep(t: Tile, stage: string): string {
  const loads = loadsOf(t);
  const down = threadsDown(t);
  const across = threadsAcross(t);
  const a = range(loads.a).map((i) => {
    const at = `aVec * ${stepA(t)}u + row / ${4 * down}u`;
    const stores = range(4).map((k) => `line[at + ${(k * t.rows) / 4}u][row % 4u] = na${i}[${k}];`);
    return `{
      let row = aRow + ${i}u * aStep;
      let line = &sharedA${stage}[row / 4u % ${down}u];
      let at = ${at};
      ${stores.join("\n      ")}
    }`;
  });
  const b = range(loads.b).map((i) => {
    const at = `(bRow + ${i}u * bStep) * ${t.cols / 4}u + bVec / ${across}u`;
    return `sharedB${stage}[bVec % ${across}u][${at}] = nb${i};`;
  });
  return [...a, ...b].join("\n    ");
}

/** Multiplies the slice in workgroup memory into the sums. */
function multiply(t: Tile, stage: string): string {
  const colVectors = t.cols / 4;
  const rowVectors = t.rows / 4;
  const step = (v: string) => {
    const place = (factor: number, offset: number) =>
      t.unroll ? `${Number(v) * factor + offset}` : `${v} * ${factor}u + ${offset}u`;
    return range(4).flatMap((k) => [
      ...range(rowVectors).map(
        (i) => `let a${k}_${i} = lineOfA[${place(stepA(t), k * rowVectors + i)}];`,
      ),
      ...range(colVectors).map(
        (j) => `let b${k}_${j} = lineOfB[${place(t.cols, k * colVectors + j)}];`,
      ),
      ...range(t.rows).flatMap((i) => {
        const a = `vec4<f32>(a${k}_${i >> 2}.${"xyzw"[i % 4]})`;
        return range(colVectors).map((j) => `sum${i}_${j} = fma(${a}, b${k}_${j}, sum${i}_${j});`);
      }),
    ]);
  };
  const block = (lines: readonly string[]) => `{\n      ${lines.join("\n      ")}\n    }`;
  const vectors = t.depth / 4;
  const steps = t.unroll
    ? range(vectors).map((v) => block(step(`${v}`)))
    : [`for (var v = 0u; v < ${vectors}u; v++) ${block(step("v"))}`];
  return `    {
    let lineOfA = &sharedA${stage}[ty];
    let lineOfB = &sharedB${stage}[tx];
    ${steps.join("\n    ")}
    }`;
}
