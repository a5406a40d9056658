import { describe, expect, test } from "vitest";
import { type Tree, treeHost } from "../../../test/tree-host.ts";
import { amdgpuProbe, readConfig } from "./amdgpu.ts";
import { containerProbe } from "./container.ts";
import { environmentProbe, isRelevant, readSettings } from "./environment.ts";
import { kernelLogProbe, shortened } from "./kernel-log.ts";
import { permissionsProbe } from "./permissions.ts";
import type { Probe } from "./probe.ts";
import { parametersOf, systemProbe } from "./system.ts";
import { vulkanProbe } from "./vulkan.ts";

const learn = (probe: Probe, tree: Tree) => probe.learn(treeHost(tree), {});

describe("the system", () => {
  test("release, kernel, memory, disks", async () => {
    const files = {
      "/etc/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n',
      "/proc/cmdline": "root=/dev/sda1 quiet amd_iommu=off -- init-word\n",
      "/proc/meminfo": "MemTotal: 16000 kB\nMemAvailable:    9000 kB\n",
    };
    expect(await learn(systemProbe, { files })).toMatchObject({
      os: { platform: "linux", id: "debian", versionId: "12", name: "Debian GNU/Linux 12" },
      kernel: {
        release: "6.12.9-amd64",
        parameters: { root: "/dev/sda1", quiet: "", amd_iommu: "off" },
      },
      memory: { totalBytes: 16e9, availableBytes: 9_216_000 },
      disks: [{ purpose: "home", folder: "/people/alice", freeBytes: 10e9 }, {}, {}],
    });
  });

  test("an empty command line has no parameters", () => {
    expect(parametersOf("\n")).toEqual({});
  });
});

describe("permissions", () => {
  const files = {
    "/etc/group": "video:x:44:alice\nrender:x:105:alice,bob\nalice:x:1000:\n",
    "/dev/kfd": null,
    "/dev/dri/card0": "",
    "/dev/dri/renderD128": "",
  };

  test("groups in force and assigned, devices that may be used", async () => {
    expect((await learn(permissionsProbe, { files })).permissions).toEqual({
      isRoot: false,
      user: "alice",
      groups: ["alice", "video"],
      assignedGroups: ["video", "render"],
      kfd: { path: "/dev/kfd", exists: true, canUse: false, group: "render", mode: "0660" },
      renderNodes: [
        { path: "/dev/dri/renderD128", exists: true, canUse: true, group: "render", mode: "0660" },
      ],
    });
  });

  test("no devices", async () => {
    const { permissions } = await learn(permissionsProbe, { files: {} });
    expect(permissions).toMatchObject({ kfd: { exists: false }, renderNodes: [] });
  });
});

describe("the kernel driver", () => {
  const denyWord = ["black", "list"].join("");

  test("parameters in force and configured", async () => {
    const files = {
      "/sys/module/amdgpu/parameters/mtype_local": "1\n",
      "/sys/module/amdgpu/version": "6.8.5\n",
      "/usr/lib/modprobe.d/rocm.conf": "# options amdgpu a=1\noptions amdgpu mtype_local=1 b=2\n",
      "/etc/modprobe.d/block.conf": `${denyWord} amdgpu\n`,
      "/etc/modprobe.d/notes.txt": "options amdgpu c=3\n",
      "/proc/cmdline": `amdgpu.cwsr_enable=0 modprobe.${denyWord}=nouveau,amdgpu\n`,
    };
    const links = { "/lib": "/usr/lib" };
    expect((await learn(amdgpuProbe, { files, links })).amdgpu).toEqual({
      loaded: true,
      version: "6.8.5",
      isDkms: true,
      parameters: { mtype_local: "1" },
      options: [
        { name: "mtype_local", value: "1", where: "/usr/lib/modprobe.d/rocm.conf:2" },
        { name: "b", value: "2", where: "/usr/lib/modprobe.d/rocm.conf:2" },
        { name: "cwsr_enable", value: "0", where: "kernel command line" },
      ],
      blocked: ["/etc/modprobe.d/block.conf:1", "kernel command line"],
    });
  });

  test("not loaded: nothing is said of what is in force", async () => {
    const { amdgpu } = await learn(amdgpuProbe, { files: { "/etc/hostname": "x" } });
    expect(amdgpu).toEqual({ loaded: false, options: [], blocked: [] });
  });

  test("install lines block where they run nothing", () => {
    expect(readConfig("install amdgpu /bin/false", "f").blocked).toEqual(["f:1"]);
    expect(readConfig("install amdgpu /sbin/modprobe amdgpu", "f").blocked).toEqual([]);
  });
});

describe("the kernel log", () => {
  const skipped = "kfd kfd: amdgpu: skipped device 1002:7341, PCI rejects atomics 123<145";

  test("dmesg, or else the journal", async () => {
    const dmesg = { programs: { dmesg: { out: `usb 1-1: new\n${skipped}\n` } }, files: {} };
    expect((await learn(kernelLogProbe, dmesg)).kernelLog).toEqual({
      readable: true,
      source: "dmesg",
      lines: [skipped],
    });
    const journal = {
      files: {},
      programs: {
        dmesg: { status: 1, err: "dmesg: read kernel buffer failed: Operation not permitted" },
        "journalctl -k -b --no-pager -o short": { out: `-- Journal begins --\n${skipped}\n` },
      },
    };
    expect((await learn(kernelLogProbe, journal)).kernelLog?.source).toBe("journalctl -k");
  });

  test("one that only root may read is unknown, with the command", async () => {
    const programs = { "journalctl -k -b --no-pager -o short": { out: "-- No entries --\n" } };
    const { kernelLog, unknown } = await learn(kernelLogProbe, { files: {}, programs });
    expect(kernelLog).toEqual({ readable: false });
    expect(unknown?.[0]?.command).toMatch(/^sudo dmesg/);
  });

  test("of a long one the faults and both ends are kept", () => {
    const lines = Array.from({ length: 2000 }, (_, i) => `amdgpu: line ${i}`);
    lines[1000] = "amdgpu: ring gfx_0.0.0 timeout";
    const kept = shortened(lines);
    expect(kept.length).toBeLessThanOrEqual(400);
    expect([kept[0], kept.at(-1)]).toEqual(["amdgpu: line 0", "amdgpu: line 1999"]);
    expect(kept).toContain("amdgpu: ring gfx_0.0.0 timeout");
  });
});

describe("containers and WSL", () => {
  const wslKernel = "Linux version 5.15.167.4-microsoft-standard-WSL2 (root@x)";
  test.each<[string, Tree, object, object]>([
    ["none", { files: {} }, { inContainer: false }, { inWsl: false }],
    ["docker", { files: { "/.dockerenv": "" } }, { inContainer: true, kind: "docker" }, {}],
    ["podman", { files: { "/run/.containerenv": "" } }, { kind: "podman" }, {}],
    ["lxc", { files: { "/proc/1/cgroup": "0::/lxc/box/init\n" } }, { kind: "lxc" }, {}],
    ["libpod", { files: { "/proc/1/cgroup": "0::/libpod/x\n" } }, { kind: "podman" }, {}],
    [
      "WSL",
      { files: { "/proc/version": wslKernel, "/dev/dxg": "" } },
      { inContainer: false },
      { inWsl: true, version: 2, hasDxg: true },
    ],
  ])("%s", async (_, tree, container, wsl) => {
    const found = await learn(containerProbe, tree);
    expect(found.container).toMatchObject(container);
    expect(found.wsl).toMatchObject(wsl);
  });
});

describe("the environment", () => {
  test.each([
    ["export HSA_OVERRIDE_GFX_VERSION=10.3.0", { HSA_OVERRIDE_GFX_VERSION: "10.3.0" }],
    ["HSA_ENABLE_SDMA=0 # old", { HSA_ENABLE_SDMA: "0" }],
    ['export A=1 MIOPEN_LOG_LEVEL="7"', { MIOPEN_LOG_LEVEL: "7" }],
    ["set -gx HSA_OVERRIDE_GFX_VERSION 10.3.0", { HSA_OVERRIDE_GFX_VERSION: "10.3.0" }],
    ["SETUVAR --export HSA_ENABLE_SDMA:1\\x2e0", { HSA_ENABLE_SDMA: "1.0" }],
    ["HSA_XNACK DEFAULT=1", { HSA_XNACK: "1" }],
    ["# export HSA_OVERRIDE_GFX_VERSION=10.3.0", {}],
    ["export EDITOR=vi", {}],
    ["export AMD_API_KEY=abc", {}],
  ])("%s", (line, expected) => {
    const found = readSettings(`\n${line}`, "f");
    expect(Object.fromEntries(found.map((s) => [s.name, s.value]))).toEqual(expected);
    for (const { line: number } of found) expect(number).toBe(2);
  });

  test("this shell, profiles and preloads", async () => {
    const found = await learn(environmentProbe, {
      env: { HSA_ENABLE_SDMA: "0", PATH: "/usr/bin", LD_PRELOAD: "/opt/shim.so libfoo.so" },
      files: {
        "/opt/shim.so": "",
        "/etc/ld.so.preload": "/gone.so # note\n",
        "/people/alice/.bashrc": "export HSA_OVERRIDE_GFX_VERSION=10.3.0\n",
        "/etc/profile.d/rocm.sh": "export LD_PRELOAD=/opt/shim.so\n",
      },
    });
    expect(found.env).toEqual({ HSA_ENABLE_SDMA: "0", LD_PRELOAD: "/opt/shim.so libfoo.so" });
    expect(found.settings).toContainEqual({
      file: "~/.bashrc",
      line: 1,
      name: "HSA_OVERRIDE_GFX_VERSION",
      value: "10.3.0",
    });
    expect(found.preloads).toEqual([
      { library: "/opt/shim.so", where: "LD_PRELOAD", exists: true },
      { library: "libfoo.so", where: "LD_PRELOAD" },
      { library: "/gone.so", where: "/etc/ld.so.preload", exists: false },
      { library: "/opt/shim.so", where: "/etc/profile.d/rocm.sh:1", exists: true },
    ]);
  });

  test.each([
    ["HSA_XNACK", true],
    ["MIOPEN_DEBUG_CONV_FFT", true],
    ["HIP_VISIBLE_DEVICES", true],
    ["TRITON_TOKEN", false],
    ["HOME", false],
  ])("%s: %s", (name, expected) => {
    expect(isRelevant(name)).toBe(expected);
  });
});

describe("Vulkan", () => {
  const icd = (library: string) =>
    JSON.stringify({ ICD: { library_path: library, api_version: "1.4.305" } });
  const folder = "/usr/share/vulkan/icd.d";
  const files = {
    "/usr/lib/x86_64-linux-gnu/libvulkan.so.1": "",
    "/usr/lib/x86_64-linux-gnu/libvulkan_radeon.so": "",
    [`${folder}/radeon_icd.x86_64.json`]: icd("libvulkan_radeon.so"),
    [`${folder}/radeon_icd.i686.json`]: icd("libvulkan_radeon.so"),
    [`${folder}/lvp_icd.json`]: icd("/gone/libvulkan_lvp.so"),
    [`${folder}/broken.json`]: "{",
  };

  test("drivers, which of them are there, and Mesa's version", async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg fills it in
    const query = "dpkg-query -W -f=${Version} mesa-vulkan-drivers";
    const programs = { [query]: { out: "25.0.7-2~bpo12+1" } };
    expect((await learn(vulkanProbe, { files, programs })).vulkan).toMatchObject({
      hasLoader: true,
      mesaVersion: "25.0.7",
      drivers: [
        { manifest: `${folder}/broken.json` },
        { name: "lavapipe", isSoftware: true, libraryExists: false },
        { name: "radv", isSoftware: false, libraryExists: true, apiVersion: "1.4.305" },
      ],
    });
  });

  test("variables replace the search", async () => {
    const env = { VK_ICD_FILENAMES: `${folder}/lvp_icd.json` };
    const { vulkan } = await learn(vulkanProbe, { files, env });
    expect(vulkan?.drivers?.map(({ name }) => name)).toEqual(["lavapipe"]);
  });

  test("nothing is installed", async () => {
    const { vulkan } = await learn(vulkanProbe, { files: {} });
    expect(vulkan).toEqual({ hasLoader: false, drivers: [] });
  });
});
