/** Entries of the table of quantiles: as many as 16 bits tell apart. */
const entries = 65536;

let quantiles: Float32Array | undefined;

/** By how much the generator's state grows with each step. */
const growth = 0x6d2b79f5;

/**
 * Seeded numbers of a normal distribution with mean 0, the same on every machine. A draw takes a
 * stretch of them, and computes it when it is called: the 138 million weights of VGG cost nothing
 * until they are read. Each number takes half a step of a 32-bit generator (mulberry32) and one
 * look into a table of 65536 quantiles, some 2 ns.
 *
 * @example
 * const draw = normalNumbers(1);
 * const weights = draw(64 * 3 * 7 * 7, 0.1);
 * console.log(weights()[0]);
 */
export function normalNumbers(
  seed: number,
): (length: number, deviation: number) => () => Float32Array {
  let next = seed;
  return (length, deviation) => {
    const first = next;
    next = (next + Math.imul(Math.ceil(length / 2), growth)) | 0;
    return () => numbersFrom(first, length, deviation);
  };
}

function numbersFrom(first: number, length: number, deviation: number): Float32Array {
  quantiles ??= makeQuantiles();
  const table = quantiles;
  const out = new Float32Array(length);
  let state = first;
  for (let i = 0; i < length; i += 2) {
    state = (state + growth) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    bits ^= bits >>> 14;
    out[i] = deviation * table[bits & 0xffff]!;
    out[i + 1] = deviation * table[bits >>> 16]!; // one beyond an odd end is ignored
  }
  return out;
}

/** The standard normal distribution's value at the middle of each of equally likely parts. */
function makeQuantiles(): Float32Array {
  const table = new Float32Array(entries);
  for (let i = 0; i < entries / 2; i++) {
    const value = upperQuantile((i + 0.5) / entries);
    table[i] = -value;
    table[entries - 1 - i] = value;
  }
  return table;
}

/**
 * The x that a standard normal number exceeds with probability `p` < 0.5, to 4.5e-4: formula
 * 26.2.23 of Abramowitz and Stegun, Handbook of Mathematical Functions.
 */
function upperQuantile(p: number): number {
  const t = Math.sqrt(-2 * Math.log(p));
  const above = 2.515517 + t * (0.802853 + t * 0.010328);
  const below = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308));
  return t - above / below;
}
