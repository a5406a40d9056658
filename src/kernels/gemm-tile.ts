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
  /**
   * Slices in workgroup memory. With 1, the next slice waits in registers while the present one is
   * multiplied; with 2, it is written beside it, and one barrier per slice does.
   */
  readonly stages: 1 | 2;
  /** Lanes that run together, asked of devices that let shaders choose. */
  readonly wave?: 32 | 64;
  /**
   * Products, and their sums over one slice, in float16, which some GPUs do at twice the rate; the
   * slices are added up in float32.
   */
  readonly half: boolean;
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

/** Threads of a tile, down and across. */
const threadsDown = (t: Tile): number => t.tileM / t.rows;
const threadsAcross = (t: Tile): number => t.tileN / t.cols;

/** Vectors between four-deep steps of A: two more than needed spread the writes over all banks. */
const stepA = (t: Tile): number => t.rows + 2;

/**
 * Vectors in what one row (column) of threads reads of A (B) in a slice: an odd number of 16 bytes,
 * so that neighbouring threads read different memory banks, and whole 16 bytes, which are read at
 * once. Two vectors of float16 take 16 bytes.
 */
const lineOf = (vectors: number, { half }: Tile): number => {
  const wide = half ? Math.ceil(vectors / 2) : vectors;
  return (wide % 2 === 0 ? wide + 1 : wide) * (half ? 2 : 1);
};
const lineA = (t: Tile): number => lineOf((stepA(t) * t.depth) / 4, t);
const lineB = (t: Tile): number => lineOf((t.cols * t.depth) / 4, t);

/** Bytes of workgroup memory. */
const tileBytes = (t: Tile): number =>
  (t.half ? 8 : 16) * t.stages * (threadsDown(t) * lineA(t) + threadsAcross(t) * lineB(t));

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
  if (t.wave && !device.hasSubgroupSizeControl) {
    return `needs ${t.wave} lanes that run together, the device does not let shaders ask`;
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

/** How a thread loads its share of one operand's slice, as WGSL. */
export interface Load {
  /** The type of a vector in memory: "vec4<f32>", "vec4<f16>". */
  readonly element: string;
  /**
   * Vector i of the share: an expression that reads memory whatever the place, for a branch around
   * a load makes the GPU wait for it. What lies beyond a buffer reads as anything.
   */
  readonly value: (i: number) => string;
  /**
   * Where `value` is what a vector is made of: its type, and an expression that makes the vector of
   * it once the slice before has been multiplied, so that its loads have that time.
   */
  readonly raw?: { readonly type: string; readonly made: (i: number, raw: string) => string };
  /** The condition for vector i to count, or else to be zeros. Left out: it always does. */
  readonly counts?: ((i: number) => string) | undefined;
  /** `counts` is a vec4<bool>: one for each element. */
  readonly each?: boolean;
}

/** What a matrix product needs to be told of its operands, as WGSL. */
export interface TileCode {
  /** Statements run once, before the loop, that set up the loads; may use `lane`, `tileRow`. */
  readonly setup: string;
  readonly a: Load;
  readonly b: Load;
  /** Statements run after a slice was loaded: moves the loads on. */
  readonly advance: string;
  /** Statements that store `value` (vec4<f32>), the sums of `row` and of column vector `col`. */
  readonly store: string;
}

const scalarOf = ({ half }: Tile): string => (half ? "f16" : "f32");

/**
 * Workgroup memory of a tile. A is kept by row of threads and B by column of threads, so that a
 * thread finds all that it multiplies at constant distances from one place: WebGPU checks every
 * index that is not constant, and a check at each load would cost a tenth of the time.
 */
export function tileMemory(t: Tile): string {
  const lines = (line: number, count: number) => {
    const one = `array<array<vec4<${scalarOf(t)}>, ${line}>, ${count}>`;
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
  const across = threadsAcross(t);
  const down = threadsDown(t);
  const colVectors = t.cols / 4;
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
  ${sumsOf(t)
    .map((place) => `var sum${place} = vec4<f32>();`)
    .join(" ")}
${t.stages === 1 ? loopOfOne(t, code) : loopOfTwo(t, code)}
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

/** A vector that a thread fetches: its name, its load, and its number among that load's. */
interface Fetch {
  readonly name: string;
  readonly load: Load;
  readonly index: number;
}

function fetchesOf(t: Tile, { a, b }: TileCode): Fetch[] {
  const { a: countA, b: countB } = loadsOf(t);
  return [
    ...range(countA).map((index) => ({ name: `a${index}`, load: a, index })),
    ...range(countB).map((index) => ({ name: `b${index}`, load: b, index })),
  ];
}

/** Reads the thread's share of the next slice into variables made by `keyword`, if any. */
function fetch(t: Tile, code: TileCode, keyword: "let " | ""): string {
  const lines = fetchesOf(t, code).flatMap(({ name, load, index }) => [
    `${keyword}next_${name} = ${load.value(index)};`,
    ...(load.counts ? [`${keyword}counts_${name} = ${load.counts(index)};`] : []),
  ]);
  return [...lines, code.advance].join("\n    ");
}

/** The next slice waits in registers. */
function loopOfOne(t: Tile, code: TileCode): string {
  const declared = fetchesOf(t, code).flatMap(({ name, load }) => [
    `var next_${name}: ${load.raw?.type ?? load.element};`,
    ...(load.counts ? [`var counts_${name}: ${load.each ? "vec4<bool>" : "bool"};`] : []),
  ]);
  const next = fetch(t, code, "");
  return `  ${declared.join(" ")}
  ${next}
  for (var slice = firstSlice; slice < lastSlice; slice++) {
    ${keep(t, code, "")}
    workgroupBarrier();
    if (slice + 1u < lastSlice) {
    ${next}
    }
${multiply(t, "")}
    workgroupBarrier();
  }`;
}

/**
 * The next slice is written beside the present one. It is fetched without asking whether there is
 * one, and lives in one turn of the loop only: otherwise compilers wait for it at once.
 */
function loopOfTwo(t: Tile, code: TileCode): string {
  const turn = (stage: number) => `    {
    ${fetch(t, code, "let ")}
${multiply(t, `[${stage}]`)}
    ${keep(t, code, `[${1 - stage}]`)}
    }
    workgroupBarrier();`;
  return `  {
    ${fetch(t, code, "let ")}
    ${keep(t, code, "[0]")}
  }
  workgroupBarrier();
  for (var slice = firstSlice; slice < lastSlice; slice += 2u) {
${turn(0)}
    if (slice + 1u >= lastSlice) { break; }
${turn(1)}
  }`;
}

/** Writes what was fetched to workgroup memory, A transposed: four rows in a vector. */
function keep(t: Tile, code: TileCode, stage: string): string {
  const down = threadsDown(t);
  const across = threadsAcross(t);
  const vector = `vec4<${scalarOf(t)}>`;
  const kept = ({ name, load, index }: Fetch) => {
    const next = `next_${name}`;
    const value = `${vector}(${load.raw?.made(index, next) ?? next})`;
    return load.counts ? `select(${vector}(), ${value}, counts_${name})` : value;
  };
  const store = (fetched: Fetch) => {
    const i = fetched.index;
    if (fetched.load === code.b) {
      const at = `(bRow + ${i}u * bStep) * ${t.cols / 4}u + bVec / ${across}u`;
      return `sharedB${stage}[bVec % ${across}u][${at}] = ${kept(fetched)};`;
    }
    const stores = range(4).map((k) => `line[at + ${(k * t.rows) / 4}u][row % 4u] = value[${k}];`);
    return `{
      let row = aRow + ${i}u * aStep;
      let line = &sharedA${stage}[row / 4u % ${down}u];
      let at = aVec * ${stepA(t)}u + row / ${4 * down}u;
      let value = ${kept(fetched)};
      ${stores.join("\n      ")}
    }`;
  };
  return fetchesOf(t, code).map(store).join("\n    ");
}

/** Places of a thread's sums: "row_columnVector". */
const sumsOf = (t: Tile): string[] =>
  range(t.rows).flatMap((i) => range(t.cols / 4).map((j) => `${i}_${j}`));

/** Multiplies the slice in workgroup memory into the sums. */
function multiply(t: Tile, stage: string): string {
  const colVectors = t.cols / 4;
  const rowVectors = t.rows / 4;
  const vector = `vec4<${scalarOf(t)}>`;
  const into = t.half ? "part" : "sum";
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
        const a = `${vector}(a${k}_${i >> 2}.${"xyzw"[i % 4]})`;
        return range(colVectors).map((j) => {
          const sum = `${into}${i}_${j}`;
          return `${sum} = fma(${a}, b${k}_${j}, ${sum});`;
        });
      }),
    ]);
  };
  const block = (lines: readonly string[]) => `{\n      ${lines.join("\n      ")}\n    }`;
  const vectors = t.depth / 4;
  const steps = t.unroll
    ? range(vectors).map((v) => block(step(`${v}`)))
    : [`for (var v = 0u; v < ${vectors}u; v++) ${block(step("v"))}`];
  const parts = t.half ? sumsOf(t) : [];
  return `    {
    let lineOfA = &sharedA${stage}[ty];
    let lineOfB = &sharedB${stage}[tx];
    ${parts.map((p) => `var part${p} = ${vector}();`).join(" ")}
    ${steps.join("\n    ")}
    ${parts.map((p) => `sum${p} += vec4<f32>(part${p});`).join("\n    ")}
    }`;
}
