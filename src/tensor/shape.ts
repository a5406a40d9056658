/** The size of each dimension, outermost first. */
export type Shape = readonly number[];

export function sizeOf(dims: Shape): number {
  return dims.reduce((product, d) => product * d, 1);
}

/** Row-major strides in elements: `[H*W, W, 1]` for `[C, H, W]`. */
export function stridesOf(dims: Shape): number[] {
  const strides = new Array<number>(dims.length).fill(1);
  for (let i = dims.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * dims[i + 1]!;
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

/** The common shape under NumPy's broadcasting rules, or undefined where there is none. */
export function broadcast(...shapes: Shape[]): number[] | undefined {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const out = new Array<number>(rank).fill(1);
  for (const s of shapes) {
    for (let i = 0; i < s.length; i++) {
      const axis = rank - s.length + i;
      const d = s[i]!;
      if (d === out[axis] || d === 1) continue;
      if (out[axis] !== 1) return undefined;
      out[axis] = d;
    }
  }
  return out;
}

/** Strides of `dims` seen as the broadcast shape `out`: 0 along repeated dimensions. */
export function broadcastStrides(dims: Shape, out: Shape): number[] {
  const strides = stridesOf(dims);
  const lead = out.length - dims.length;
  return out.map((_, i) => (i < lead || dims[i - lead] === 1 ? 0 : strides[i - lead]!));
}

/** `axis` counted from the front; throws a RangeError outside [-rank, rank). */
export function normalizeAxis(axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new RangeError(`axis ${axis} is outside [-${rank}, ${rank})`);
  }
  return axis < 0 ? axis + rank : axis;
}

export function formatShape(dims: readonly (number | string)[]): string {
  return dims.length === 0 ? "scalar" : dims.join("x");
}
