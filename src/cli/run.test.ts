import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { command, temporaryFolder } from "../../test/command.ts";
import * as networks from "../../test/small-networks.ts";
import { models } from "../models/index.ts";
import { writeOnnx } from "../onnx/index.ts";
import { Tensor } from "../tensor/index.ts";
import { readNpy, writeNpy } from "./npy.ts";

let folder: string;
let remove: () => Promise<void>;

beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
  const put = (name: string, content: Uint8Array | string) =>
    writeFile(join(folder, name), content);
  for (const graph of [networks.meanColor, networks.fixedMeanColor, networks.samePicture]) {
    await put(`${graph.name}.onnx`, writeOnnx(graph));
  }
  for (const graph of [networks.twoPictures, networks.sum]) {
    await put(`${graph.name}.onnx`, writeOnnx(graph));
  }
  const colors = { red: "#ff0000", green: "#00ff00", blue: "#0000ff", grey: "#808080" };
  for (const [name, background] of Object.entries(colors)) {
    const create = { width: 8, height: 6, channels: 3 as const, background };
    await put(`${name}.png`, await sharp({ create }).png().toBuffer());
  }
  await put("large.png", await sharp(join(folder, "red.png")).resize(20, 30).png().toBuffer());
  const espcn = writeOnnx(models.get("espcn")!.build({ imageSize: 8 }));
  await put("cut.onnx", espcn.subarray(0, espcn.length / 2));
  await put("colors.txt", "red\ngreen\nblue\n");
  await put("two.txt", "red\ngreen\n");
  await put("text.png", "this is no picture");
  await put("text.onnx", "this is no model");
  await put("left.npy", writeNpy(Tensor.from("float32", [1, 2, 3, 4, 5, 6], [2, 3])));
  await put("right.npy", writeNpy(Tensor.from("float32", [10, 20, 30, 40, 50, 60], [2, 3])));
  await put("double.npy", writeNpy(Tensor.from("float64", [1, 2, 3], [1, 3])));
  await put("wide.npy", writeNpy(Tensor.from("float32", [1, 2, 3, 4], [1, 4])));
  await put("three.npy", writeNpy(Tensor.from("float32", new Array(9).fill(1), [3, 3])));
});
afterAll(() => remove());

/** `rekindle run ...` on the CPU, given as one line. */
const run = (line: string) => command(folder, ["run", ...line.split(" "), "--device", "cpu"]);
const done = async (line: string) => {
  const outcome = await run(line);
  expect(outcome.err).toBe("");
  expect(outcome.code).toBe(0);
  return outcome.out;
};
const read = async (name: string) => readNpy(await readFile(join(folder, name)), name);
const pixels = (name: string) => sharp(join(folder, name)).raw().toBuffer();

describe("classes", () => {
  test("the best come first, with labels", async () => {
    const out = await done("mean-color.onnx --image green.png --labels colors.txt --top 2");
    expect(out).toMatch(/^green\.png\n +\d+\.\d+ % {2}green\n +\d+\.\d+ % {2}\w+\n\n/);
    expect(out).toMatch(/^device +CPU \(ONNX Runtime\): /m);
  });

  test("probabilities of logits, scores of values in 0..1, a distribution as it is", async () => {
    const json = async (line: string) =>
      JSON.parse(await done(`${line} --json`)).results[0].outputs[0];
    const logits = await json("mean-color.onnx --image red.png");
    const [best] = logits.rows[0];
    expect(logits.measure).toBe("probability");
    // Normalized with ImageNet's numbers, red is (1 - 0.485) / 0.229 and so on.
    const values = [(1 - 0.485) / 0.229, -0.456 / 0.224, -0.406 / 0.225].map(Math.exp);
    expect(best.value).toBeCloseTo(values[0]! / (values[0]! + values[1]! + values[2]!), 5);
    const scores = await json("mean-color.onnx --image grey.png --mean 0 --std 1");
    expect(scores.measure).toBe("score");
    expect(scores.rows[0][0].value).toBeCloseTo(128 / 255, 5);
    const distribution = await json("mean-color.onnx --image blue.png --mean 0 --std 1");
    expect(distribution.measure).toBe("probability");
    expect(distribution.rows[0][0]).toEqual({ class: 2, value: 1 });
  });

  test("several pictures share batches; a last one that is not full is padded", async () => {
    const files = "red.png green.png blue.png";
    const json = JSON.parse(await done(`fixed-mean-color.onnx --image ${files} --json`));
    expect(json.batch).toBe(2);
    expect(json.results.map((r: { picture: string }) => r.picture)).toEqual(files.split(" "));
    const best = json.results.map(
      (r: { outputs: { rows: { class: number }[][] }[] }) => r.outputs[0]!.rows[0]![0]!.class,
    );
    expect(best).toEqual([0, 1, 2]);
    expect(json.runMs.count).toBe(1);
  });

  test("an output file joins the pictures and drops the padding", async () => {
    const images = "--image red.png green.png blue.png --mean 0 --std 1";
    await done(`fixed-mean-color.onnx ${images} --output color=c.npy`);
    const color = await read("c.npy");
    expect(color.dims).toEqual([3, 3]);
    expect([...color.data]).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
  });

  test("pictures of different sizes run one by one", async () => {
    const out = await done("mean-color.onnx --image red.png large.png --json");
    expect(JSON.parse(out).batch).toBe(1);
    const sized = JSON.parse(
      await done("mean-color.onnx --image red.png large.png --size 5x7 --json"),
    );
    expect(sized.batch).toBe(2);
    expect(sized.inputs[0]).toContain("5x7, crop");
  });
});

describe("pictures out", () => {
  test("a picture comes back as it was", async () => {
    const out = await done("same-picture.onnx --image large.png --save same.png");
    expect(out).toContain("written to same.png");
    expect(out).toContain("mean 0, std 1");
    expect(await pixels("same.png")).toEqual(await pixels("large.png"));
  });

  test("several pictures are numbered, several outputs named", async () => {
    await done("two-pictures.onnx --image red.png blue.png --save many.png --output-range -1..1");
    const [first] = await pixels("many-negative-1.png");
    const [second] = await pixels("many-a_b-2.png");
    // Red and blue as grey are 0.3 and 0.1 or so; the negative lies below the middle.
    expect(first).toBeLessThan(127);
    expect(second).toBeGreaterThan(127);
  });

  test("a range that cannot be right is told", async () => {
    const { err, code } = await run(
      "same-picture.onnx --image red.png --save o.png --mean 0 --std 0.01",
    );
    expect(code).toBe(0);
    expect(err).toMatch(/has values from 0 to 100, cut off to 0\.\.1\n.*--output-range/);
  });

  test("without --save it says how to write it", async () => {
    expect(await done("same-picture.onnx --image red.png")).toContain("add --save FILE.png");
  });
});

describe("arrays", () => {
  test("in and out", async () => {
    const out = await done("sum.onnx --input left=left.npy right=right.npy --output sum=s.npy");
    expect([...(await read("s.npy")).data]).toEqual([11, 22, 33, 44, 55, 66]);
    expect(out).toContain(
      "sum  float32 2x3\n    min 11, max 66, mean 38.5\n    first 11 22 33 44 55 ...",
    );
  });

  test("random numbers are the same each time", async () => {
    await done("sum.onnx --random --batch 4 --output sum=a.npy --quiet");
    await done("sum.onnx --random --batch 4 --output sum=b.npy --quiet");
    const a = await read("a.npy");
    expect(a.dims).toEqual([4, 3]);
    expect(a).toEqual(await read("b.npy"));
    expect(new Set(a.toNumbers()).size).toBe(12);
  });

  test("repeats give median and spread", async () => {
    const out = await done("sum.onnx --random --repeat 12");
    expect(out).toMatch(/^12 runs +median [\d.e-]+ ms, p10\.\.p90 .*; \d+ items\/s$/m);
    const { runMs } = JSON.parse(await done("sum.onnx --random --repeat 3 --json"));
    expect(runMs).toMatchObject({ count: 3, kind: "min..max" });
    expect(runMs.low).toBeLessThanOrEqual(runMs.median);
    expect(runMs.median).toBeLessThanOrEqual(runMs.high);
  });
});

describe("bad input", () => {
  test.each([
    ["nothing to run on", "mean-color.onnx", /"image" float32 Nx3xHxW/, /--image FILE/],
    ["no such model", "mean-colour.onnx", /does not exist/, /"mean-color.onnx"/],
    ["a folder as model", ".", /is a folder/, /pass a file/],
    ["a model that is none", "text.onnx --random", /text\.onnx/, /./],
    ["a model cut off", "cut.onnx --random", /cut\.onnx/, /again/],
    ["a picture that is none", "mean-color.onnx --image text.png", /not a picture/, /PNG, JPEG/],
    [
      "a size beyond any device",
      "mean-color.onnx --image red.png --size 60000x60000",
      /10800000000 elements, at most 536870912/,
      /smaller --batch or --size/,
    ],
    ["no such picture", "mean-color.onnx --image rde.png", /rde.png does not exist/, /"red.png"/],
    ["no labels", "mean-color.onnx --image red.png --labels l.txt", /labels l.txt does not/, /./],
    [
      "too few labels",
      "mean-color.onnx --image red.png --labels two.txt",
      /2 labels.*3 classes/,
      /trained/,
    ],
    [
      "too many to show",
      "mean-color.onnx --image red.png --top 4",
      /--top 4.*3 classes/,
      /at most 3/,
    ],
    ["a wrong input name", "sum.onnx --input lift=left.npy", /no input "lift"/, /"left"/],
    ["an input too few", "sum.onnx --input left=left.npy", /1 more input: "right"/, /--random/],
    [
      "a wrong type",
      "sum.onnx --input left=double.npy --random",
      /takes float32.*float64/,
      /astype\(numpy\.float32\)/,
    ],
    ["a wrong shape", "sum.onnx --input left=wide.npy --random", /takes Nx3.*holds 1x4/, /./],
    [
      "batches that differ",
      "sum.onnx --input left=left.npy right=three.npy",
      /2.*3|3.*2/,
      /same size/,
    ],
    [
      "an array that is none",
      "sum.onnx --input left=text.png --random",
      /not a NumPy/,
      /numpy.save/,
    ],
    ["a wrong output name", "sum.onnx --random --output sam=x.npy", /no output "sam"/, /"sum"/],
    [
      "a picture for an array",
      "sum.onnx --image red.png",
      /no input takes pictures/,
      /--input NAME/,
    ],
    ["an array to --save", "sum.onnx --random --save x.png", /no output is a picture/, /--output/],
    ["a folder that is missing", "sum.onnx --random --output sum=no/x.npy", /no folder/, /mkdir/],
    [
      "a picture format that is none",
      "same-picture.onnx --image red.png --save x.txt",
      /\.txt is not/,
      /\.png/,
    ],
    ["another size", "fixed-mean-color.onnx --image red.png --size 9", /9x9.*4x4 only/, /--size/],
    [
      "another batch",
      "fixed-mean-color.onnx --image red.png --batch 3",
      /batches of 2 only/,
      /padded/,
    ],
    [
      "a batch of unequal pictures",
      "mean-color.onnx --image red.png large.png --batch 2",
      /6x8.*30x20/,
      /--size/,
    ],
    [
      "a batch of arrays",
      "sum.onnx --input left=left.npy right=right.npy --batch 2",
      /does not apply/,
      /leave/,
    ],
    ["a size to be guessed", "mean-color.onnx --random", /dimension 2 \("H"\).*is free/, /--size/],
    [
      "means for other channels",
      "two-pictures.onnx --image red.png --mean 1,2,3",
      /3 numbers.*1 channel/,
      /one/,
    ],
    ["the CPU against itself", "sum.onnx --random --verify", /CPU itself/, /--device software/],
  ])("%s", async (_, line, what, fix) => {
    const { code, out, err } = await run(line);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(/^error: /);
    expect(err).toMatch(what);
    expect(err).toMatch(new RegExp(`\n  fix: .*${fix.source}`));
    expect(err).not.toMatch(/^ +at /m);
    expect(err).not.toContain("unexpected");
  });

  test("a device that does not exist", async () => {
    const line = "run sum.onnx --random --device voodoo3";
    const { code, err } = await command(folder, line.split(" "));
    expect(code).toBe(2);
    expect(err).toMatch(/^error: .*voodoo3/);
  });

  test.each([
    ["--batch 0", /--batch <N>' argument '0' is invalid.*at least 1/],
    ["--batch 1.5", /whole number/],
    ["--top -1", /at least 1/],
    ["--repeat many", /whole number/],
    ["--mean NaN", /must be a number/],
    ["--mean 1,,2", /must be a number/],
    ["--std 0", /above 0/],
    ["--size 0x4", /HEIGHTxWIDTH/],
    ["--size 1e9", /HEIGHTxWIDTH/],
    ["--resize zoom", /Allowed choices are crop, letterbox, stretch/],
    ["--precision f64", /Allowed choices are f32, f16/],
    ["--output-range 0..2", /Allowed choices/],
    ["--input left.npy", /must be NAME=FILE/],
    ["--input a=1.npy a=2.npy", /"a" is given twice/],
    ["--bacth 1", /unknown option '--bacth'\n\(Did you mean --batch\?\)/],
  ])("%s", async (options, message) => {
    const { code, out, err } = await run(`sum.onnx ${options}`);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(message);
    expect(err).toContain("  fix: rekindle run <MODEL> [options]");
  });

  test("--json has the error as well", async () => {
    const { code, out, err } = await run("missing.onnx --json");
    expect(code).toBe(2);
    expect(JSON.parse(out).error).toMatchObject({ code: "file-missing" });
    expect(err).toMatch(/^error: /);
  });

  test("--debug shows the stack", async () => {
    expect((await run("missing.onnx --debug")).err).toMatch(/^ +at /m);
    const env = { REKINDLE_DEBUG: "1" };
    expect((await command(folder, ["run", "missing.onnx"], { env })).err).toMatch(/^ +at /m);
  });
});

describe("on a terminal", () => {
  const line = ["run", "sum.onnx", "--random", "--device", "cpu"];

  test("progress is shown and erased", async () => {
    const { err } = await command(folder, line, { terminal: true });
    expect(err).toContain("loading the model");
    expect(err.endsWith("\r\x1b[K")).toBe(true);
  });

  test.each([
    ["in CI", { CI: "true" }, []],
    ["on a dumb terminal", { TERM: "dumb" }, []],
    ["with --quiet", {}, ["--quiet"]],
  ])("nothing is shown %s", async (_, env, more) => {
    const { err } = await command(folder, [...line, ...more], { terminal: true, env });
    expect(err).toBe("");
  });
});
