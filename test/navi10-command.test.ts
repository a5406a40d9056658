import { afterEach, expect, test, vi } from "vitest";
import { main } from "../tools/navi10/main.ts";
import { root } from "./sources.ts";

// What can be said without the compiler; kernels.navi10.test.ts compiles.

afterEach(() => void vi.restoreAllMocks());

async function run(...args: string[]) {
  const out = vi.spyOn(console, "log").mockImplementation(() => {});
  const err = vi.spyOn(console, "error").mockImplementation(() => {});
  const status = await main(root, args);
  const text = (spy: typeof out) => spy.mock.calls.map((call) => call.join(" ")).join("\n");
  return { status, out: text(out), err: text(err) };
}

test("npm run navi10 -- --help shows examples", async () => {
  const { status, out } = await run("--help");
  expect(status).toBe(0);
  expect(out).toContain('npm run navi10 -- --save out/isa "gemm 128x128x16" f16');
});

test("options that are unknown, or that do not go together, are refused", async () => {
  expect(await run("--fast")).toMatchObject({ status: 2, err: expect.stringContaining("--fast") });
  const { status, err } = await run("--update", "conv-gemm");
  expect([status, err]).toEqual([2, expect.stringContaining("To fix: give it alone")]);
});
