import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Facts } from "../../src/doctor/index.ts";
import { RekindleError } from "../../src/errors.ts";
import { machineHost } from "../../src/host/index.ts";
import { pytorchSource } from "../../src/remedies/catalog/pytorch-source.ts";
import { compilersFor } from "../../src/remedies/catalog/source/compilers.ts";
import { patchComposableKernel } from "../../src/remedies/catalog/source/composable-kernel.ts";
import { jobCount } from "../../src/remedies/catalog/source/jobs.ts";
import { releaseFor, releases } from "../../src/remedies/catalog/source/releases.ts";
import { catalog, planFor, type Remedy, type Situation } from "../../src/remedies/index.ts";
import { machines } from "../machines.ts";
import { root } from "../sources.ts";
import { factsWith } from "./carry-out.ts";

// What holds for every remedy, and the decisions of the larger ones.

/** A machine on which plans can be made: programs answer, files are as `texts` says. */
function situation(
  options: Readonly<Record<string, string>> = {},
  texts: Readonly<Record<string, string>> = {},
  lists: Readonly<Record<string, string[]>> = {},
): Situation {
  const host = {
    ...machineHost({ PATH: "/usr/bin", HOME: "/u" }, "/u"),
    exists: async (path: string) => path in texts || path in lists,
    readText: async (path: string) => texts[path],
    list: async (path: string) => lists[path] ?? [],
    run: async (program: string, args: readonly string[]) => {
      const shown = [program, ...args].join(" ");
      const out = Object.entries(answers).find(([start]) => shown.startsWith(start))?.[1];
      if (out === undefined) return { status: null, out: "", err: "", problem: "missing" as const };
      return { status: 0, out, err: "" };
    },
  };
  return { facts: factsWith(), at: { card: 0, pytorch: 0 }, host, home: "/u", options };
}

const answers: Readonly<Record<string, string>> = {
  nproc: "12\n",
  "podman --version": "podman version 5\n",
  "python3 -c import sys, platform": "3 12 x86_64\n",
  "python3.10 -c": "3.10\n",
  "apt-get install --simulate": "Inst libhip (1 Debian [amd64])\nInst old [1] (2 Debian [amd64])\n",
  "pacman -Sp": "python-pytorch-rocm\nrocblas\n",
  "rpm -q": "package python3-torch is not installed\n",
};

const ofSystem: Readonly<Record<string, { id: string; versionId: string }>> = {
  "debian-packages": { id: "debian", versionId: "13" },
  "arch-packages": { id: "arch", versionId: "" },
  "fedora-packages": { id: "fedora", versionId: "43" },
};

const texts = { "/opt/rocm/.info/version": "6.4.3-120\n" };

function planned(remedy: Remedy, given: Readonly<Record<string, string>> = {}) {
  const { host, home, facts } = situation({}, texts);
  const os = ofSystem[remedy.id];
  const where = os ? { ...facts, os: { ...facts.os, ...os } } : facts;
  return planFor(remedy, { facts: where, host, home, options: given });
}

test("ids differ, sources have dates and places, sentences end", () => {
  expect(new Set(catalog.map(({ id }) => id)).size).toBe(catalog.length);
  for (const remedy of catalog) {
    expect(remedy.id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    for (const text of [...remedy.changes, ...remedy.risks])
      expect(text, remedy.id).toMatch(/[.)]$/);
    expect(remedy.evidence, remedy.id).not.toMatch(/\.$/);
    for (const { at, date } of remedy.sources) {
      expect(at, remedy.id).toMatch(/^(https:\/\/\S+|[\w.-]+\/[\w.-]+(#\d+)?|docs\/[\w-]+\.md)$/);
      expect(date, remedy.id).toMatch(/^20\d\d(-\d\d(-\d\d)?)?$/);
    }
    expect(remedy.plan === undefined, remedy.id).toBe(remedy.byHand !== undefined);
  }
});

/** Recorded machines, and each of them where no GPU is found, or nothing is known of any. */
function* machinesWithAndWithoutCards(): Generator<readonly [name: string, facts: Facts]> {
  yield ["nothing known", { version: 1 }];
  for (const { name, facts } of machines) {
    const { gpus: _, ...others } = facts;
    yield [name, facts];
    yield [`${name}, no GPU`, { ...others, gpus: [] }];
    yield [`${name}, GPUs unknown`, others];
  }
}

test.each(catalog.filter(({ plan }) => plan).map((remedy) => [remedy.id, remedy] as const))(
  "%s is planned on every machine, or refused with a reason",
  async (_, remedy) => {
    const faults: string[] = [];
    for (const [name, facts] of machinesWithAndWithoutCards()) {
      for (const some of [texts, {}]) {
        const { host, home } = situation({}, some);
        await planFor(remedy, { facts, host, home, options: {} }).catch((error: Error) => {
          if (!(error instanceof RekindleError)) faults.push(`${name}: ${error.message}`);
        });
      }
    }
    expect(faults).toEqual([]);
  },
);

const plannable = [
  "amd-wheels",
  "cpu",
  "engine",
  "pytorch-source",
  "container",
  "rocm-sdk-builder",
  "legacy-rocm52",
  ...Object.keys(ofSystem),
];

describe.each(plannable)("the plan of %s", (id) => {
  const remedy = catalog.find((one) => one.id === id)!;

  test("is proven, needs no shell, and sets the override for legacy PyTorch alone", async () => {
    const plan = await planned(remedy);
    expect(plan.verification).not.toEqual([]);
    const text = JSON.stringify(plan);
    for (const step of plan.steps) {
      if (step.kind !== "run") continue;
      const words = [step.command.program, ...step.command.args];
      expect(words.slice(0, 2), step.id).not.toEqual(["sh", "-c"]);
      expect(words.slice(0, 2), step.id).not.toEqual(["bash", "-c"]);
      expect(words).not.toContain("sudo");
      if (JSON.stringify(step).match(/https?:/)) expect(step, step.id).toHaveProperty("network");
    }
    expect(/10\.3\.0/.test(text)).toBe(id === "legacy-rocm52");
    expect(text).not.toMatch(/LD_PRELOAD/);
  });
});

describe("from source", () => {
  test("each ROCm with a reported build has one release, pinned to a commit", () => {
    expect(releaseFor("7.2.0-43")?.name).toBe("2.10");
    expect(releaseFor("6.4.3")?.name).toBe("2.9");
    expect(releaseFor("5.7.1")).toBeUndefined();
    for (const { commit } of releases) expect(commit).toMatch(/^[0-9a-f]{40}$/);
    const all = releases.flatMap(({ rocm }) => rocm);
    expect(new Set(all).size).toBe(all.length);
  });

  test("the release follows the ROCm, and has the switches that were reported", async () => {
    const plan = await planned(pytorchSource);
    const build = plan.steps.find(({ id }) => id === "build-torch");
    expect(build).toMatchObject({
      command: {
        env: {
          PYTORCH_ROCM_ARCH: "gfx1010",
          USE_FLASH_ATTENTION: "0",
          USE_MEM_EFF_ATTENTION: "0",
          PYTORCH_BUILD_VERSION: "2.9.1+rekindle.gfx1010",
          HSA_OVERRIDE_GFX_VERSION: null,
        },
      },
    });
    const fetch = plan.steps.find(({ id }) => id === "check-out-torch");
    expect(JSON.stringify(fetch)).toContain("5811a8d7da873dd699ff6687092c225caffcf1bb");
  });

  test("a ROCm that nobody reports a build on is refused, with those that are", async () => {
    const { host, home, facts } = situation({}, { "/opt/rocm/.info/version": "5.7.1-1\n" });
    const plan = planFor(pytorchSource, { facts, host, home, options: {} });
    await expect(plan).rejects.toMatchObject({
      message: "nobody reports a build on ROCm 5.7.1-1",
      fix: expect.stringMatching(/2\.10 on ROCm 7\.2, 2\.9 on ROCm 6\.4/),
    });
  });

  test.each([
    [64e9, false, 12],
    [16e9, false, 4],
    [2e9, false, 1],
    [16e9, true, 16],
    [640e9, true, 48],
  ])("%d bytes of memory, spread %s: %d jobs", async (memoryBytes, isSpread, jobs) => {
    const { host } = situation();
    const system = async () => ({ ...(await host.system()), memoryBytes });
    expect(await jobCount({ ...host, system }, isSpread)).toBe(jobs);
  });

  const chosen = (cache: string, spread: string, hosts = "") =>
    compilersFor(situation({ cache, spread, hosts }), "/opt/rocm", "/u/compilers");

  test("a cache passes jobs on to the engine, device code stays here", () => {
    const { env, steps } = chosen("ccache", "icecream");
    expect(env).toEqual({
      CMAKE_C_COMPILER_LAUNCHER: "ccache",
      CMAKE_CXX_COMPILER_LAUNCHER: "ccache",
      CCACHE_PREFIX: "icecc",
      HIP_CLANG_PATH: "/u/compilers",
    });
    expect(steps[1]).toMatchObject({
      content: "#!/bin/sh\nunset CCACHE_PREFIX\nexec ccache '/opt/rocm/llvm/bin/clang++' \"$@\"\n",
      mode: 0o755,
    });
    expect(chosen("none", "distcc", "a b/4").env).toMatchObject({
      CMAKE_CXX_COMPILER_LAUNCHER: "distcc",
      DISTCC_HOSTS: "a b/4",
    });
    expect(chosen("sccache", "sccache-dist").env.CMAKE_CXX_COMPILER_LAUNCHER).toBe("sccache");
  });

  test.each([
    ["ccache", "sccache-dist"],
    ["sccache", "icecream"],
    ["sccache", "distcc"],
  ])("%s with %s does not go together", (cache, engine) => {
    expect(() => chosen(cache, engine)).toThrow(/sccache/);
  });

  test("composable_kernel learns the targets once, and what knows them stays", () => {
    const folder = mkdtempSync(join(tmpdir(), "rekindle-ck-"));
    try {
      const [write] = patchComposableKernel("/s", "/p", "/u/patch.py");
      if (write?.kind !== "write") throw new Error("the first step writes the program");
      const script = join(folder, "patch.py");
      const header = join(folder, "ck.hpp");
      const kernels = join(root, "fixtures/mini-torch/kernels/include/ck/ck.hpp");
      writeFileSync(script, write.content);
      writeFileSync(header, readFileSync(kernels));
      const patch = () => execFileSync("python3", [script, header], { encoding: "utf8" });
      expect(patch()).toMatch(/gfx101x added/);
      const once = readFileSync(header, "utf8");
      const names = "defined(__gfx1010__) || defined(__gfx1011__) || defined(__gfx1012__)";
      expect(once).toContain(`#elif ${names} || defined(__gfx1030__) || defined(__gfx103__)\n`);
      expect(once).toContain(`#elif ${names}\n#define CK_USE_AMD_V_FMAC_F32\n#elif`);
      expect(patch()).toMatch(/knows gfx101x/);
      expect(readFileSync(header, "utf8")).toBe(once);
      writeFileSync(header, "int main;\n");
      const refused = spawnSync("python3", [script, header], { encoding: "utf8" });
      expect(refused.status).toBe(1);
      expect(refused.stderr).toMatch(/found no place to add gfx101x/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("packages of distributions", () => {
  const install = async (id: string) => {
    const plan = await planned(catalog.find((one) => one.id === id)!);
    return plan.steps[0];
  };

  test("what would be new is what is removed again; upgrades are told", async () => {
    expect(await install("debian-packages")).toMatchObject({
      needs: [{ root: true }, { lock: "/var/lib/dpkg/lock-frontend", heldBy: "fcntl" }],
      undo: [{ program: "apt-get", args: ["purge", "--yes", "libhip"] }],
      irreversible: expect.stringMatching(/upgraded/),
    });
    expect(await install("arch-packages")).toMatchObject({
      undo: [{ args: ["-R", "--noconfirm", "python-pytorch-rocm", "rocblas"] }],
    });
    expect(await install("fedora-packages")).toMatchObject({
      undo: [{ args: ["remove", "--assumeyes", "python3-torch"] }],
    });
  });
});
