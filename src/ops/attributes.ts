import type { AttributeValue } from "../graph/index.ts";
import { Tensor } from "../tensor/index.ts";
import type { AttributeSpec } from "./define.ts";

function spec<T>(
  kind: string,
  accepts: (value: AttributeValue) => boolean,
  fallback: T | undefined,
): AttributeSpec<T> {
  return {
    read(value) {
      if (value === undefined) {
        return fallback === undefined
          ? { problem: "is required and missing" }
          : { value: fallback };
      }
      return accepts(value) ? { value: value as T } : { problem: `must be ${kind}` };
    },
  };
}

const isInt = (v: unknown) => Number.isInteger(v);

/** An integer; without `fallback` it is required. */
export const int = (fallback?: number) => spec<number>("an integer", isInt, fallback);

/** A number; without `fallback` it is required. */
export const float = (fallback?: number) =>
  spec<number>("a number", (v) => typeof v === "number", fallback);

/** A list of integers; without `fallback` it is required. */
export const intList = (fallback?: readonly number[]) =>
  spec<readonly number[]>(
    "a list of integers",
    (v) => Array.isArray(v) && v.every(isInt),
    fallback,
  );

/** One of the given words; the first is the default. */
export const oneOf = <const W extends string>(...words: readonly [W, ...W[]]) =>
  spec<W>(`one of ${words.join(", ")}`, (v) => (words as readonly unknown[]).includes(v), words[0]);

/** Any text. */
export const text = (fallback?: string) =>
  spec<string>("a text", (v) => typeof v === "string", fallback);

/** A tensor; required. */
export const tensor = () => spec<Tensor>("a tensor", (v) => v instanceof Tensor, undefined);

/** The same, but it may be left out: then the value is null. */
export function optional<T>(inner: AttributeSpec<T>): AttributeSpec<T | null> {
  return { read: (value) => (value === undefined ? { value: null } : inner.read(value)) };
}
