import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { machineHost } from "../../host/index.ts";
import type { InspectSummary } from "../../inspect/index.ts";
import { codeIn, torchCodeProbe } from "./torch-code.ts";

/** A library whose code lies in targets of these places. */
function summary(rows: readonly (readonly [string, "fatbin" | "kpack"])[]): InspectSummary {
  const path = "torch/lib/libtorch_hip.so";
  return {
    files: 1,
    bytes: 1,
    unknownFiles: 0,
    targets: rows.map(([target, place]) => ({
      target,
      places: [place],
      compression: ["none"],
      files: 1,
      codeObjects: 1,
      bytes: 1,
      kernels: 1,
    })),
    parts: [{ path, place: "fatbin", targets: rows.map(([target]) => target), complete: true }],
    pythonPackages: [],
    problems: [],
  };
}

describe("code in PyTorch", () => {
  test("targets by place, without settings", () => {
    const found = codeIn(
      summary([
        ["gfx90a:xnack-", "fatbin"],
        ["gfx90a:xnack+", "fatbin"],
        ["gfx1010", "kpack"],
      ]),
      ["gfx1010", "gfx1030"],
    );
    expect(found).toMatchObject({
      targets: ["gfx90a"],
      kpackTargets: ["gfx1010"],
      loads: [
        { target: "gfx1010", answer: "yes" },
        { target: "gfx1030", answer: "no" },
      ],
    });
  });

  test("of a damaged library no list is claimed to be whole", () => {
    const problems = [{ path: "p", code: "file-invalid", message: "cut off" }] as const;
    const damaged = { ...summary([["gfx1030", "fatbin"]]), problems };
    expect(Object.keys(codeIn(damaged, ["gfx1010"]))).toEqual(["loads"]);
  });

  test("code that loads with an override alone does not load", () => {
    const { loads } = codeIn(summary([["gfx1010", "fatbin"]]), ["gfx1012"]);
    expect(loads?.[0]).toMatchObject({ answer: "no", why: expect.stringMatching(/OVERRIDE/) });
  });
});

describe("the probe", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "rekindle-torch-"));
    await mkdir(join(folder, "lib"));
    await writeFile(join(folder, "lib", "libtorch_hip.so"), "no library at all");
  });
  afterAll(() => rm(folder, { recursive: true }));

  const gpus = [{ vendorId: "1002", gfx: "gfx1010" }];

  test("reads the library of builds for ROCm, and of no others", async () => {
    const torch = [
      { path: folder, build: "rocm-stock" },
      { path: folder, build: "cpu" },
    ] as const;
    const found = await torchCodeProbe.learn(machineHost(), { gpus, torch: [...torch] });
    expect(found.torch?.[0]).toMatchObject({ targets: [], loads: [{ target: "gfx1010" }] });
    expect(found.torch?.[1]).toEqual(torch[1]);
  });

  test("without PyTorch there is nothing to learn", async () => {
    expect(await torchCodeProbe.learn(machineHost(), { gpus })).toEqual({});
    expect(await torchCodeProbe.learn(machineHost(), { gpus, torch: [] })).toEqual({});
  });
});
