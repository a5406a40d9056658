import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { inspectAll, type PythonPackage, summarize } from "./index.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "rekindle-python-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(path: string, text: string): Promise<void> {
  const full = join(folder, "lib/python3.12/site-packages", path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, text);
}

const install = (name: string, version: string) =>
  put(`${name}-${version}.dist-info/METADATA`, `Name: ${name}\nVersion: ${version}\n\nA text.\n`);

async function packages(): Promise<readonly PythonPackage[]> {
  return summarize(await inspectAll(folder)).pythonPackages;
}

/** torch/version.py as PyTorch's build writes it. */
const versionFile = (version: string, cuda: string, hip: string) =>
  `from typing import Optional\n__version__ = '${version}'\ndebug = False\n` +
  `cuda: Optional[str] = ${cuda}\nhip: Optional[str] = ${hip}\n`;

test.each([
  ["2.9.1+cpu", "None", "None", { build: "cpu" }],
  ["2.9.1+cu128", "'12.8'", "None", { build: "cuda", cuda: "12.8" }],
  ["2.9.1+rocm6.4", "None", "'6.4.43482'", { build: "rocm", rocm: "6.4" }],
])("torch %s", async (version, cuda, hip, expected) => {
  await install("torch", version);
  await put("torch/version.py", versionFile(version, cuda, hip));
  const found = await packages();
  expect(found).toMatchObject([{ name: "torch", version, ...expected }]);
  expect(found[0]!.devicePackages).toBeUndefined();
});

test("AMD's multi-arch build, with and without the code for a device", async () => {
  const version = "2.11.0+rocm7.14.0";
  await install("torch", version);
  await install("rocm_sdk_core", "7.14.0");
  await put("torch/version.py", versionFile(version, "None", "'7.14.0'"));
  const torchOf = async () => (await packages()).find(({ name }) => name === "torch");
  expect(await torchOf()).toEqual({
    name: "torch",
    version,
    build: "amd-multi-arch",
    rocm: "7.14.0",
  });
  await install("amd_torch_device_gfx1010", version);
  const record = `amd_torch_device_gfx1010-${version}.dist-info/RECORD`;
  await put(record, "amd_torch_device_gfx1010/__init__.py,,\n");
  expect((await torchOf())!.devicePackages).toBeUndefined();
  await put(record, "torch/.kpack/torch_gfx1010.kpack,,\n");
  expect((await torchOf())!.devicePackages).toEqual(["gfx1010"]);
});

test("other packages are none of ours", async () => {
  await install("numpy", "2.3.0");
  await install("pytorch_triton_rocm", "3.5.1");
  expect(await packages()).toEqual([
    { name: "pytorch-triton-rocm", version: "3.5.1", build: "other" },
  ]);
});
