import { describe, expect, test } from "vitest";
import type { Kernel } from "../src/kernels/kernel.ts";
import type { Op } from "../src/ops/define.ts";
import { ops } from "../src/ops/index.ts";
import { isFloat } from "../src/tensor/index.ts";
import { type ReadyCase, readyCase } from "./cases.ts";
import { operatorsPage } from "./operators-page.ts";
import { files, isTest } from "./sources.ts";

const all = [...ops.values()];

describe.each(all)("$name", (op) => {
  test("has a summary of one line, a phrase without a full stop", () => {
    expect(op.summary).toMatch(/^\S.*[^.\s]$/);
  });

  test("names the opsets that changed it, oldest first", () => {
    expect(op.opsets.length).toBeGreaterThan(0);
    expect([...op.opsets].sort((a, b) => a - b)).toEqual(op.opsets);
  });

  test("has at least two cases, whose names differ", () => {
    expect(op.cases.length).toBeGreaterThanOrEqual(2);
    expect(new Set(op.cases.map((c) => c.name)).size).toBe(op.cases.length);
  });

  test.each(op.cases)("the reference runs: $name", (opCase) => {
    const { expected, outputs } = readyCase(op, opCase);
    expect(expected.map((t) => t.dims)).toEqual(outputs.map((t) => t.dims));
    for (const t of expected) expect(t.toNumbers().some(Number.isNaN)).toBe(false);
  });

  if (op.kernels.length === 0) return;
  test("the last kernel takes every case of floats", () => {
    expect(refusedByLast(op)).toEqual([]);
  });
});

/** The reasons for which an operator's last kernel declines cases that it should take. */
function refusedByLast(op: Op): string[] {
  const last = op.kernels[op.kernels.length - 1]!;
  return (["float32", "float16"] as const).flatMap((dtype) =>
    op.cases
      .map((opCase) => readyCase(op, opCase, dtype))
      .filter(computesFloats)
      .map((ready) => ({ name: ready.node.name, verdict: last.supports(ready.problem) }))
      .filter(({ verdict }) => verdict !== true)
      .map(({ name, verdict }) => `${name} in ${dtype}: ${last.name} says "${verdict}"`),
  );
}

/** Whether all that is only known at run time is of a type that kernels compute. */
function computesFloats({ problem }: ReadyCase): boolean {
  const flowing = problem.inputs.filter((_, i) => problem.constants[i] === undefined);
  const types = [...flowing, ...problem.outputs];
  return types.every((t) => t === undefined || (isFloat(t.dtype) && t.dtype !== "float64"));
}

test("every kernel belongs to an operator", async () => {
  const used = new Set(all.flatMap((op) => op.kernels));
  const orphans: string[] = [];
  for (const path of files.filter((f) => f.startsWith("src/kernels/") && !isTest(f))) {
    const module: Record<string, unknown> = await import(`../${path}`);
    for (const [name, value] of Object.entries(module)) {
      if (isKernel(value) && !used.has(value)) orphans.push(`${path}: no operator lists ${name}`);
    }
  }
  expect(orphans).toEqual([]);
});

function isKernel(value: unknown): value is Kernel {
  const members = ["supports", "configs", "fits", "build"] as const;
  const kernel = value as Kernel | null;
  return typeof kernel === "object" && members.every((m) => typeof kernel?.[m] === "function");
}

// `npm run docs:operators` writes the page anew.
test("docs/operators.md is up to date", async () => {
  await expect(operatorsPage(all)).toMatchFileSnapshot("../docs/operators.md");
});
