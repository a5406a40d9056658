import { describe, expect, test } from "vitest";
import { RekindleError } from "../errors.ts";
import { machineHost } from "../host/index.ts";
import { reportFailure } from "./failure.ts";

function report(error: unknown, options: { debug?: boolean; json?: boolean } = {}) {
  const written = { out: "", err: "" };
  const output = (to: "out" | "err") => ({
    write(text: string) {
      written[to] += text;
    },
    isTerminal: false,
    hasColor: false,
    columns: 80,
  });
  const io = { host: machineHost({}), out: output("out"), err: output("err") };
  reportFailure(error, io, { debug: false, json: false, ...options });
  return written;
}

describe("failures", () => {
  test("that are known: what and how to mend it", () => {
    const error = new RekindleError("file-missing", "no such file", { fix: "look again" });
    expect(report(error)).toEqual({ out: "", err: "error: no such file\n  fix: look again\n" });
  });

  test("that are not: one line that asks to report, without a stack", () => {
    const { err } = report(new TypeError("x is not a function\nat once"));
    const [what, fix, ...rest] = err.split("\n");
    expect(what).toBe("error: unexpected: x is not a function");
    expect(fix).toMatch(/please report it/);
    expect(rest).toEqual([""]);
  });

  test("with --debug: stacks, also of causes", () => {
    const error = new RekindleError("usage", "outer", { cause: new Error("inner") });
    const { err } = report(error, { debug: true });
    expect(err).toMatch(/outer[\s\S]*\n +at [\s\S]*caused by: Error: inner/);
  });

  test("as JSON", () => {
    const { out, err } = report("thrown text", { json: true });
    expect(JSON.parse(out).error).toMatchObject({
      code: "unexpected",
      message: "unexpected: thrown text",
    });
    expect(err).toMatch(/^error: /);
  });
});
