import { expect, test } from "vitest";
import { GraphBuilder } from "../../test/graphs.ts";
import type { Config, DeviceTraits, Kernel } from "../kernels/kernel.ts";
import { problemsOf } from "../session/plan.ts";
import { lookupIn } from "./lookup.ts";
import { problemKey } from "./problem-key.ts";
import { shaderHash } from "./shader-hash.ts";
import { shippedFor } from "./shipped.ts";
import type { Tuning } from "./tuning.ts";

const device = { isSoftware: false } as DeviceTraits;
const b = new GraphBuilder();
const { problem } = problemsOf(b.typed(b.op("Abs", [b.input("x", [4])])))[0]!;
const key = problemKey(problem, device);

/** A kernel whose shader is a text. */
function kernel(name: string, shader = name, configs: readonly Config[] = [{ n: 1 }, { n: 2 }]) {
  const made: Kernel = {
    name,
    supports: () => true,
    configs: () => configs,
    fits: ({ n }) => (n as number) < 9 || `${n} is too large`,
    build: (_, { n }) => ({
      dispatches: [{ label: name, wgsl: `${shader} ${n}`, bindings: [], workgroups: [1, 1, 1] }],
    }),
  };
  return made;
}

const [slow, fast] = [kernel("slow"), kernel("fast")];

const tuning = (of: Kernel, config: Config): Tuning => ({
  problem: key,
  kernel: of.name,
  config,
  wgsl: shaderHash(of.build(problem, config, { specialize: true })),
  timeMs: 1,
  defaultMs: 2,
  tunedAt: "2026-11-21T20:00:00.000Z",
});

test("a stored tuning names its kernel and configuration", () => {
  const lookup = lookupIn([tuning(fast, { n: 2 })], []);
  expect(lookup([slow, fast], problem, device)).toEqual({
    choice: { kernel: fast, config: { n: 2 } },
  });
});

test("other problems are not known", () => {
  const lookup = lookupIn([{ ...tuning(fast, { n: 2 }), problem: "another" }], []);
  expect(lookup([slow, fast], problem, device)).toBeUndefined();
});

test.each<[string, Kernel[], Config, string]>([
  ["a kernel that is gone", [slow], { n: 2 }, "there is no kernel fast any more"],
  [
    "a configuration that is not offered",
    [slow, kernel("fast", "fast", [{ n: 1 }])],
    { n: 2 },
    'fast does not offer "n=2" any more',
  ],
  [
    "a configuration that does not fit",
    [kernel("fast", "fast", [{ n: 9 }])],
    { n: 9 },
    'fast "n=9" does not fit: 9 is too large',
  ],
  [
    "a shader that has changed",
    [slow, kernel("fast", "faster")],
    { n: 2 },
    "the shader of fast has changed since it was measured",
  ],
])("%s is ignored, with the reason", (_, kernels, config, reason) => {
  const lookup = lookupIn([tuning(fast, config)], []);
  expect(lookup(kernels, problem, device)).toEqual({ ignored: `${reason}; the problem: ${key}` });
});

test("numbers that no kernel proposes are never built", () => {
  const huge = { ...tuning(fast, { n: 2 }), config: { n: 1e9 } };
  expect(lookupIn([huge], [])([fast], problem, device)?.choice).toBeUndefined();
});

test("what is measured here goes before what is shipped, which follows where it is stale", () => {
  const shipped = [{ problem: key, kernel: "slow", config: { n: 1 } }];
  const stored = tuning(fast, { n: 2 });
  expect(lookupIn([stored], shipped)([slow, fast], problem, device)?.choice?.kernel).toBe(fast);
  expect(lookupIn([], shipped)([slow, fast], problem, device)?.choice?.kernel).toBe(slow);
  const changed = [slow, kernel("fast", "faster")];
  expect(lookupIn([stored], shipped)(changed, problem, device)).toMatchObject({
    choice: { kernel: slow },
    ignored: expect.stringContaining("has changed"),
  });
});

test("what is shipped holds for its family alone", () => {
  const tunings = [{ problem: key, kernel: "slow", config: { n: 1 } }];
  const rdna1 = { vendor: "amd", architecture: "rdna-1", source: "a test", tunings };
  const card = { vendor: "amd", architecture: "rdna-1" };
  expect(shippedFor(card, [rdna1])).toEqual(tunings);
  expect(shippedFor({ ...card, architecture: "rdna-2" }, [rdna1])).toEqual([]);
});
