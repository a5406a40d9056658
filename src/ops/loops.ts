/**
 * Calls `visit` for every index of an array of shape `dims`, in row-major order, with the index
 * (one array, reused) and its position.
 */
export function forEachIndex(
  dims: readonly number[],
  visit: (index: readonly number[], position: number) => void,
): void {
  const index = new Array<number>(dims.length).fill(0);
  const total = dims.reduce((p, d) => p * d, 1);
  for (let position = 0; position < total; position++) {
    visit(index, position);
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      if (index[axis]! < dims[axis]!) break;
      index[axis] = 0;
    }
  }
}
