import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Host, machineHost } from "./host.ts";
import { nearNames } from "./near.ts";

let folder: string;
let host: Host;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rekindle-host-"));
  await writeFile(join(folder, "model.onnx"), "content");
  await writeFile(join(folder, "empty.onnx"), "");
  await mkdir(join(folder, "models"));
  await writeFile(join(folder, "models", "vgg.onnx"), "x");
  host = machineHost({}, folder);
});
afterAll(() => rm(folder, { recursive: true }));

const isRoot = process.getuid?.() === 0;

describe("reading", () => {
  test("gives the content of a file in the working folder", async () => {
    const bytes = await host.readFile("model.onnx", "model");
    expect(Buffer.from(bytes).toString()).toBe("content");
    expect(await host.exists("model.onnx")).toBe(true);
    expect(await host.exists("other.onnx")).toBe(false);
    expect(await host.list(".")).toEqual(["empty.onnx", "model.onnx", "models"]);
    expect(await host.list("nowhere")).toEqual([]);
  });

  test.each([
    ["modle.onnx", "file-missing", /does not exist/, /did you mean "model.onnx"/],
    ["nothing-like-it.png", "file-missing", /does not exist/, /looked for in/],
    ["nowhere/model.onnx", "file-missing", /no folder .*nowhere/, /check the path/],
    ["models", "file-invalid", /is a folder/, /pass a file: vgg.onnx/],
    ["empty.onnx", "file-invalid", /is empty/, /again/],
  ])("%s", async (path, code, what, fix) => {
    const error = await host.readFile(path, "model").catch((e) => e);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(what);
    expect(error.fix).toMatch(fix);
  });

  test.skipIf(isRoot)("a file without permission", async () => {
    const path = join(folder, "secret.onnx");
    await writeFile(path, "x");
    await chmod(path, 0);
    await expect(host.readFile("secret.onnx", "model")).rejects.toThrow("no permission");
    await rm(path);
  });
});

describe("writing", () => {
  test("replaces a file and leaves nothing else behind", async () => {
    await host.writeFile("out.txt", "first");
    await host.writeFile("out.txt", "second");
    expect(Buffer.from(await host.readFile("out.txt", "file")).toString()).toBe("second");
    const names = await readdir(folder);
    expect(names.filter((name) => name.includes("draft"))).toEqual([]);
    await rm(join(folder, "out.txt"));
  });

  test.each([
    ["nowhere/out.png", "file-missing", /no folder/, /mkdir -p nowhere/],
    ["model.onnx/out.png", "file-invalid", /is not a folder/, undefined],
    ["models", "file-invalid", /it is a folder/, /add a file name/],
  ])("%s", async (path, code, what, fix) => {
    const error = await host.writeFile(path, "x").catch((e) => e);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(what);
    if (fix) expect(error.fix).toMatch(fix);
    await expect(host.checkWritable(path)).rejects.toThrow(what);
  });
});

describe("near names", () => {
  test.each([
    ["resnet5O", ["resnet18", "resnet50", "vgg16"], ["resnet50", "resnet18"]],
    ["Cat.PNG", ["cat.png", "dog.png"], ["cat.png"]],
    ["image", ["input"], []],
    ["mobilenet", ["mobilenet_v2", "mobilenet_v3", "unet"], ["mobilenet_v2", "mobilenet_v3"]],
  ])("%s", (name, candidates, expected) => {
    expect(nearNames(name, candidates)).toEqual(expected);
  });
});
