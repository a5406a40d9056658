import { beforeAll, describe, expect, test } from "vitest";
import { findCard, traitsOfCard } from "../src/predict/cards.ts";
import { type Navi10, openNavi10 } from "../tools/navi10/compile.ts";
import type { Row } from "../tools/navi10/figures.ts";
import { measure } from "../tools/navi10/measure.ts";
import { problemsOf, readStored } from "../tools/navi10/stored.ts";
import { type Variant, variantsOf } from "../tools/navi10/variants.ts";
import { root } from "./sources.ts";

// Nothing here is computed: Mesa compiles, and we read what it made.
let navi10: Navi10;
let variants: readonly Variant[];
let rows: readonly Row[];

beforeAll(async () => {
  navi10 = await openNavi10(root);
  variants = variantsOf(navi10.gpu.traits, { chosenOnly: true });
  rows = await measure(navi10, variants);
  return () => navi10.close();
});

test("the device is what the performance model takes an RX 5600 XT for", () => {
  expect(navi10.gpu.traits).toEqual(traitsOfCard(findCard("RX 5600 XT")));
});

describe("what the planner chooses on an RX 5600 XT", () => {
  test("is there for every network, in float32 and float16", () => {
    const kernels = (precision: string) =>
      new Set(rows.filter((row) => row.precision === precision).map((row) => row.kernel));
    for (const precision of ["f32", "f16"]) {
      expect([...kernels(precision)]).toEqual(
        expect.arrayContaining([
          "conv-gemm",
          "conv-depthwise",
          "conv-separable",
          "conv-winograd",
          "matmul-rows",
        ]),
      );
    }
  });

  test("spills nothing, and is no worse than when figures were stored", () => {
    const stored = readStored(root);
    const problems = rows.flatMap((row) => problemsOf(row, stored).map((p) => `${row.key}: ${p}`));
    expect(problems, "if this is meant: npm run navi10 -- --update").toEqual([]);
  });
});

test("a shader that needs too many registers is seen to spill", async () => {
  const names = Array.from({ length: 330 }, (_, i) => `v${i}`);
  const wgsl = `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) lane: u32) {
  ${names.map((v, i) => `var ${v} = x[lane + ${i}u * 64u];`).join("\n  ")}
  for (var i = 0u; i < u32(x[0]); i++) {
    ${names.map((v, i) => `${v} = fma(${v}, ${names[(i + 7) % 330]}, f32(i));`).join("\n    ")}
  }
  ${names.map((v, i) => `x[lane + ${i}u * 64u] = ${v};`).join("\n  ")}
}`;
  const compiled = await navi10.compile(wgsl, "spilling");
  expect(compiled.spills + compiled.scratchBytes).toBeGreaterThan(0);
});

test("what does not compile is an error, and the next shader still compiles", async () => {
  await expect(navi10.compile("not WGSL", "broken")).rejects.toThrow(/"broken" does not compile/);
  const { dispatch, label } = variants[0]!;
  const again = await navi10.compile(`${dispatch.wgsl}\n// once more`, label);
  expect(again.codeBytes).toBeGreaterThan(0);
});
