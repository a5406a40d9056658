import { literal } from "../kernels/literal.ts";

/**
 * The error function in float64: 2/sqrt(pi) * exp(-x^2) * sum of 2^n x^(2n+1) / (2n+1)!!, a series
 * of terms of one sign (Abramowitz and Stegun 7.1.6). From |x| = 6 on it is 1 to the last bit.
 */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

// Minimax fraction for float32 on [-4, 4], as in Eigen's and XLA's erf: odd over even powers of x.
const numerator = [
  -2.72614225801306e-10, 2.77068142495902e-8, -2.10102402082508e-6, -5.69250639462346e-5,
  -7.34990630326855e-4, -2.95459980854025e-3, -1.60960333262415e-2,
];
const denominator = [
  -1.45660718464996e-5, -2.13374055278905e-4, -1.68282697438203e-3, -7.37332916720468e-3,
  -1.42647390514189e-2,
];

/** WGSL for the error function, good to a few units in the last place of float32. */
export function erfWgsl(x: string, T: string): string {
  const bounded = `clamp(${x}, ${T}(-4), ${T}(4))`;
  const horner = (coefficients: readonly number[]) =>
    coefficients
      .slice(1)
      .reduce(
        (sum, c) => `fma(${sum}, ${bounded} * ${bounded}, ${T}(${literal(c)}))`,
        `${T}(${literal(coefficients[0]!)})`,
      );
  return `(${bounded} * ${horner(numerator)} / ${horner(denominator)})`;
}
