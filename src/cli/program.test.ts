import { describe, expect, test } from "vitest";
import { command } from "../../test/command.ts";

const run = (...argv: string[]) => command(".", argv);

describe("the program", () => {
  test("without arguments tells what to type", async () => {
    const { code, out, err } = await run();
    expect([code, err]).toEqual([0, ""]);
    for (const line of ["rekindle run", "rekindle devices", "rekindle models", "rekindle help"]) {
      expect(out).toContain(line);
    }
  });

  test("has a version", async () => {
    expect(await run("--version")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });

  test.each([
    ["help"],
    ["help", "run"],
    ["run", "--help"],
    ["devices", "--help"],
    ["models", "-h"],
  ])("%s %s fits into 80 columns and has examples", async (...argv) => {
    const { code, out, err } = await run(...argv);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("Usage: rekindle");
    if (argv.length > 1) expect(out).toContain("Examples:\n  rekindle");
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test.each([
    [["rnu"], /unknown command 'rnu'\n\(Did you mean run\?\)/],
    [["--bogus"], /unknown option '--bogus'/],
    [["run"], /missing required argument 'MODEL'\n {2}fix: rekindle run <MODEL> \[options\]/],
    [["run", "--image", "a.png", "model.onnx"], /missing required argument 'MODEL'/],
    [["devices", "extra"], /too many arguments/],
  ])("%j is refused", async (argv, message) => {
    const { code, out, err } = await run(...argv);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(message);
  });
});
