import { expect, test, vi } from "vitest";
import { Tensor } from "../tensor/index.ts";
import { derived } from "./derived.ts";

const source = () => new Tensor("float32", Float32Array.of(1, 2), [2]);

test("is computed once, when it is first read", () => {
  const make = vi.fn(() => Float32Array.of(3, 4));
  const made = derived(source(), "tripled", make);
  expect([made.size, made.dims, made.dtype]).toEqual([2, [2], "float32"]);
  expect(make).not.toHaveBeenCalled();
  expect([...made.data, ...made.data]).toEqual([3, 4, 3, 4]);
  expect(make).toHaveBeenCalledTimes(1);
});

test("equal keys give one tensor, others and other constants do not", () => {
  const from = source();
  const make = () => Float32Array.of(0, 0);
  const made = derived(from, "zero", make);
  expect(derived(from, "zero", make)).toBe(made);
  expect(derived(from, "nought", make)).not.toBe(made);
  expect(derived(source(), "zero", make)).not.toBe(made);
});

test("elements that do not fill the shape are told when they are read", () => {
  const made = derived(source(), "too few", () => Float32Array.of(1));
  expect(() => made.data).toThrow("1 elements do not fill the shape 2");
});
