import { expect, test } from "vitest";
import { failureOf } from "./failure.ts";

const linesOf = async (output: string) =>
  (await failureOf("do it", "it broke", output, {} as never)).lines;

test("what configuring does not find is not what a build failed of", async () => {
  const looking = Array.from({ length: 20 }, (_, i) => `-- Looking for header${i}.h - not found`);
  const output = [
    ...looking,
    "[1/2] Building CXX object a.o",
    "FAILED: b.o",
    "b.cpp:3:1: error: unknown type name 'x'",
    "ninja: build stopped: subcommand failed.",
  ];
  expect(await linesOf(output.join("\n"))).toEqual([
    "FAILED: b.o",
    "b.cpp:3:1: error: unknown type name 'x'",
  ]);
});

test("what may tell of it, where nothing does for sure; else the last lines", async () => {
  expect(await linesOf("hello\nthe file was not found\nbye\n")).toEqual(["the file was not found"]);
  const many = Array.from({ length: 30 }, (_, i) => `line ${i}`);
  expect(await linesOf(many.join("\r\n"))).toEqual(many.slice(-8));
});
