import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { command, temporaryFolder } from "../../test/command.ts";
import { meanColor } from "../../test/small-networks.ts";
import { models } from "../models/index.ts";
import { readOnnx } from "../onnx/index.ts";
import { sizeOfNetwork } from "./models/size.ts";

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterAll(() => remove());

const run = (line: string) => command(folder, ["models", ...line.split(" ")]);

describe("size", () => {
  // Parameters as torchvision counts them, GFLOP as twice its "GFLOPS", which are
  // multiplications with an addition: https://pytorch.org/vision/stable/models.html
  test.each([
    ["resnet18", 11_689_512, 2 * 1.81],
    ["squeezenet1_1", 1_235_496, 2 * 0.35],
    ["mobilenet_v2", 3_504_872, 2 * 0.3],
  ])("%s", (name, parameters, gflop) => {
    const size = sizeOfNetwork(models.get(name)!.build());
    expect(size.parameters).toBe(parameters);
    expect(Math.abs(size.flop / 1e9 / gflop - 1)).toBeLessThan(0.02);
  });

  test("a network without weights", () => {
    expect(sizeOfNetwork(meanColor)).toEqual({ parameters: 0, flop: 0 });
  });
});

describe("one network", () => {
  test("is written in the size that is asked for", async () => {
    const line = "espcn --size 32 --batch 2 --seed 7 -o e.onnx";
    const { code, out, err } = await run(line);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^input +"x" float32 2x3x32x32$/m);
    expect(out).toMatch(/^output +"y" float32 2x3x96x96$/m);
    expect(out).toMatch(/^written +e\.onnx, 125 kB, random weights \(seed 7\)$/m);
    const first = await readFile(join(folder, "e.onnx"));
    expect((await readOnnx(first)).inputs[0]!.dims).toEqual([2, 3, 32, 32]);
    await run(line);
    expect(await readFile(join(folder, "e.onnx"))).toEqual(first);
    await run(line.replace("7", "8"));
    expect(await readFile(join(folder, "e.onnx"))).not.toEqual(first);
  });

  test("is described without being written", async () => {
    const { out } = await run("espcn --batch B");
    expect(out).toMatch(/^input +"x" float32 Bx3x224x224$/m);
    expect(out).toContain("rekindle models espcn -o espcn.onnx");
    const json = JSON.parse((await run("espcn --json")).out);
    expect(json).toMatchObject({ name: "espcn", parameters: 31_131, written: null });
  });
});

describe("bad input", () => {
  test.each([
    ["espnc", /no network "espnc"/, /did you mean "espcn"/],
    ["alexnet", /no network/, /choose one of resnet18, /],
    ["unet --size 100", /multiple of 16, not 100/, undefined],
    ["--size 64", /--size needs the name/, /resnet18 --size/],
    ["espcn -o no/e.onnx", /no folder/, /mkdir -p no/],
  ])("%s", async (line, what, fix) => {
    const { code, out, err } = await run(line);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(what);
    if (fix) expect(err).toMatch(fix);
  });

  test.each(["--size 0", "--batch 0", "--batch -1", "--classes x", "--seed -1", "--width 1,2"])(
    "%s",
    async (options) => {
      const { code, err } = await run(`espcn ${options}`);
      expect(code).toBe(2);
      expect(err).toMatch(/^error: option .* is invalid\. .*\n {2}fix: rekindle models/);
    },
  );
});
