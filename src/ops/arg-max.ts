import { normalizeAxis } from "../tensor/index.ts";
import { int } from "./attributes.ts";
import type { CaseInput, OpCase } from "./case.ts";
import { defineOp, type Op } from "./define.ts";
import { groupsAlong } from "./groups.ts";

/** Declares the search for an extreme element along an axis; computed while planning only. */
function defineArg(
  name: string,
  summary: string,
  beats: (a: number, b: number) => boolean,
  cases: readonly OpCase[],
): Op {
  return defineOp({
    name,
    opsets: [1, 11, 12, 13],
    summary,
    attributes: { axis: int(0), keepdims: int(1), select_last_index: int(0) },
    inputs: [1, 1],
    infer({ inputs, attributes: { axis, keepdims } }) {
      const { dims } = inputs[0]!;
      const chosen = normalizeAxis(axis, dims.length);
      const kept = dims.map((d, i) => (i === chosen ? 1 : d));
      return [{ dtype: "int64", dims: keepdims ? kept : dims.filter((_, i) => i !== chosen) }];
    },
    reference([x], { axis, select_last_index: last }) {
      const groups = groupsAlong(x!, [normalizeAxis(axis, x!.dims.length)]);
      const search = (values: readonly number[]) =>
        values.reduce((best, v, i) => {
          const other = values[best]!;
          return beats(v, other) || (last === 1 && v === other) ? i : best;
        }, 0);
      return [Float64Array.from(groups, search)];
    },
    kernels: [],
    permuteAxes({ permutation, attributes: { axis, keepdims } }) {
      if (keepdims !== 1) return undefined;
      return { attributes: { axis: permutation.indexOf(normalizeAxis(axis, permutation.length)) } };
    },
    traits: { layout: "axes" },
    cases,
  });
}

const ties: CaseInput = { dims: [2, 3], values: [2, 2, 1, 3, 10, 10] };

export const argMax = defineArg(
  "ArgMax",
  "index of the largest element along an axis; the first of equals, or the last where asked for",
  (a, b) => a > b,
  [
    { name: "first of equals", inputs: [ties], attributes: { axis: 1 }, expected: [[0, 1]] },
    {
      name: "last of equals",
      inputs: [ties],
      attributes: { axis: -1, keepdims: 0, select_last_index: 1 },
      expected: [[1, 2]],
    },
    { name: "default axis", inputs: [ties], expected: [[1, 1, 1]] },
  ],
);

export const argMin = defineArg(
  "ArgMin",
  "index of the smallest element along an axis; the first of equals, or the last where asked for",
  (a, b) => a < b,
  [
    { name: "rows", inputs: [ties], attributes: { axis: 1 }, expected: [[2, 0]] },
    {
      name: "last of equals",
      inputs: [{ dims: [4], values: [1, 0, 0, 2] }],
      attributes: { keepdims: 0, select_last_index: 1 },
      expected: [[2]],
    },
    { name: "default axis", inputs: [ties], expected: [[0, 0, 0]] },
  ],
);
