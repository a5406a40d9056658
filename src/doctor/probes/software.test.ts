import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { type Tree, treeHost } from "../../../test/tree-host.ts";
import { librariesProbe } from "./libraries.ts";
import { macosProbe, readDisplays } from "./macos.ts";
import type { Probe } from "./probe.ts";
import { rocmProbe } from "./rocm.ts";
import { readVersion, torchProbe } from "./torch.ts";
import { readSurvey, webgpuProbe } from "./webgpu.ts";
import { readControllers, windowsProbe } from "./windows.ts";

const learn = (probe: Probe, tree: Tree) => probe.learn(treeHost(tree), {});

describe("ROCm", () => {
  test("an installation, with what its libraries are for", async () => {
    const files = {
      "/opt/rocm-6.2.0/.info/version": "6.2.0-66\n",
      "/opt/rocm-6.2.0/lib/rocblas/library/TensileLibrary_lazy_gfx1030.dat": "",
      "/opt/rocm-6.2.0/lib/rocblas/library/Kernels.so-000-gfx90a-xnack-.hsaco": "",
      "/opt/rocm-6.2.0/share/miopen/db/gfx1030_36.HIP.fdb.txt": "",
    };
    const { rocm } = await learn(rocmProbe, { files, links: { "/opt/rocm": "/opt/rocm-6.2.0" } });
    expect(rocm).toEqual([
      {
        path: "/opt/rocm-6.2.0",
        version: "6.2.0",
        kind: "installation",
        rocblasTargets: ["gfx1030", "gfx90a"],
        miopenTargets: ["gfx1030_36"],
      },
    ]);
  });

  test("a distribution's, and none", async () => {
    const lib = "/usr/lib/x86_64-linux-gnu";
    const files = {
      [`${lib}/libamdhip64.so.5.7.31921`]: "",
      [`${lib}/rocblas/3.1.0/library/TensileLibrary_gfx1010.co`]: "",
    };
    expect((await learn(rocmProbe, { files })).rocm).toEqual([
      { path: lib, version: "5.7", kind: "distribution", rocblasTargets: ["gfx1010"] },
    ]);
    expect((await learn(rocmProbe, { files: {} })).rocm).toEqual([]);
  });
});

describe("runtime libraries", () => {
  const file = "/opt/rocm-6.2.0/lib/libhsa-runtime64.so.1.14.60200";
  const dpkg: Tree = {
    files: { "/var/lib/dpkg/status": "", [file]: "", "/usr/local/lib/libamdhip64.so.6": "" },
    links: { "/opt/rocm-6.2.0/lib/libhsa-runtime64.so.1": file },
  };
  const paths = `${file} /usr/local/lib/libamdhip64.so.6`;
  const own = { out: `hsa-rocr: ${file}\n`, status: 1, err: "dpkg-query: no path found" };

  test.each([
    ["as installed", "", false],
    ["replaced", `??5??????   ${file}\n`, true],
    ["missing elsewhere", "missing     /opt/rocm-6.2.0/share/doc/x\n", false],
  ])("dpkg: %s", async (_, out, isModified) => {
    const programs = { [`dpkg -S ${paths}`]: own, "dpkg -V hsa-rocr": { out } };
    expect((await learn(librariesProbe, { ...dpkg, programs })).libraries).toEqual([
      {
        name: "libhsa-runtime64",
        path: file,
        version: "1.14.60200",
        owner: "hsa-rocr",
        isOwned: true,
        isModified,
      },
      {
        name: "libamdhip64",
        path: "/usr/local/lib/libamdhip64.so.6",
        version: "6",
        isOwned: false,
      },
    ]);
  });

  test.each<[string, Tree["files"], Tree["programs"]]>([
    [
      "rpm",
      { "/var/lib/rpm/rpmdb.sqlite": "" },
      {
        [`rpm -qf --qf %{NAME}\\n ${file}`]: { out: "hsa-rocr\n" },
        "rpm -V hsa-rocr": { status: 1, out: `S.5....T.    ${file}\n` },
      },
    ],
    [
      "pacman",
      { "/var/lib/pacman/local/ALPM_DB_VERSION": "" },
      {
        [`pacman -Qoq ${file}`]: { out: "hsa-rocr\n" },
        "pacman -Qkk hsa-rocr": {
          status: 1,
          err: `warning: hsa-rocr: ${file} (SHA256 checksum mismatch)\n`,
        },
      },
    ],
  ])("%s tells of changes", async (_, state, programs = {}) => {
    const files = { ...state, [file]: "" };
    const { libraries } = await learn(librariesProbe, { files, programs });
    expect(libraries).toMatchObject([{ owner: "hsa-rocr", isOwned: true, isModified: true }]);
  });

  test("without a package manager, ownership is unknown", async () => {
    const { libraries } = await learn(librariesProbe, { files: { [file]: "" } });
    expect(libraries?.[0]?.isOwned).toBeUndefined();
  });

  const site = "/people/alice/venv/lib/python3.11/site-packages";
  const hash = createHash("sha256").update("runtime").digest("base64url");
  const record = `${site}/torch-2.6.0+rocm6.2.4.dist-info/RECORD`;
  const wheel = (content: string, links = {}): Tree => ({
    files: {
      "/people/alice/venv/pyvenv.cfg": "version = 3.11.2\n",
      [`${site}/torch/lib/libhsa-runtime64.so`]: content,
      [record]: `torch/lib/libhsa-runtime64.so,sha256=${hash},7\n`,
      "/opt/other.so": "",
    },
    links,
  });
  test.each([
    ["as installed", wheel("runtime"), false],
    ["other bytes", wheel("RUNTIME"), true],
    ["other size", wheel("longer runtime"), true],
    [
      "a link to another",
      wheel("runtime", { [`${site}/torch/lib/libhsa-runtime64.so`]: "/opt/other.so" }),
      true,
    ],
  ])("in a wheel: %s", async (_, tree, isModified) => {
    const { libraries } = await learn(librariesProbe, tree);
    expect(libraries).toMatchObject([
      { owner: "torch 2.6.0+rocm6.2.4", environment: "/people/alice/venv", isModified },
    ]);
  });
});

test("a library beside a wheel's own, and one in an environment that lists no files", async () => {
  const site = "/people/alice/venv/lib/python3.11/site-packages";
  const foreign = {
    "/people/alice/venv/pyvenv.cfg": "",
    [`${site}/torch/lib/libhsa-runtime64.so`]: "x",
  };
  const record = { [`${site}/torch-2.6.0.dist-info/RECORD`]: "torch/__init__.py,,\n" };
  const owned = async (files: Tree["files"]) =>
    (await learn(librariesProbe, { files })).libraries?.[0]?.isOwned;
  expect(await owned({ ...foreign, ...record })).toBe(false);
  expect(await owned(foreign)).toBeUndefined();
  const own = {
    [`${site}/rocm_sdk_core-7.14.0.dist-info/RECORD`]: "_rocm_sdk_core/lib/libMIOpen.so.1,,\n",
  };
  const core = `${site}/_rocm_sdk_core/lib/libMIOpen.so`;
  const linked = await learn(librariesProbe, {
    files: { "/people/alice/venv/pyvenv.cfg": "", ...own, [`${core}.1`]: "x" },
    links: { [core]: `${core}.1` },
  });
  expect(linked.libraries?.map(({ isOwned }) => isOwned)).toEqual([true]);
});

describe("PyTorch", () => {
  const site = "/people/alice/project/.venv/lib/python3.11/site-packages";
  const versionFile = (version: string, hip = "None", cuda = "None") =>
    `__version__ = '${version}'\ndebug = False\ncuda: Optional[str] = ${cuda}\n` +
    `hip: Optional[str] = ${hip}\n`;
  const venv = (version: string, more: Tree["files"] = {}, at = site): Tree => ({
    env: { PATH: "/usr/bin" },
    files: {
      "/people/alice/project/.venv/pyvenv.cfg": "",
      [`${at}/torch/version.py`]: version,
      ...more,
    },
  });
  const hip = "'6.2.41134-65d174c3e'";
  const metadata = `${site}/torch-2.11.0+rocm7.14.0.dist-info/METADATA`;
  const bundled = { [`${site}/torch/lib/libamdhip64.so`]: "" };

  test.each<[string, Tree, object]>([
    ["for the CPU", venv(versionFile("2.6.0+cpu")), { build: "cpu", version: "2.6.0+cpu" }],
    [
      "for NVIDIA",
      venv(versionFile("2.6.0+cu124", "None", "'12.4'")),
      { build: "cuda", cudaVersion: "12.4" },
    ],
    [
      "PyTorch's own wheel",
      venv(versionFile("2.6.0+rocm6.2.4", hip), bundled),
      { build: "rocm-stock", rocmVersion: "6.2.4", python: "3.11", kind: "venv" },
    ],
    [
      "AMD's with extras, none installed",
      venv(versionFile("2.11.0+rocm7.14.0", "'7.14.0'"), {
        [metadata]: "Name: torch\nProvides-Extra: device-gfx1010\nProvides-Extra: opt\n",
      }),
      { build: "amd-multiarch", offeredExtras: ["gfx1010"], rocmVersion: "7.14.0" },
    ],
    [
      "AMD's for a family",
      venv(versionFile("2.9.0+rocm7.1.0", "'7.1.0'"), {
        [`${site}/rocm_sdk_core-7.1.0.dist-info/METADATA`]: "Name: rocm-sdk-core\n",
      }),
      { build: "amd-family", packages: { "rocm-sdk-core": "7.1.0" } },
    ],
    [
      "self-built",
      venv(versionFile("2.8.0a0+gitba56102", "'7.2.53211'")),
      { build: "source", rocmVersion: "7.2" },
    ],
    [
      "a distribution's",
      venv(versionFile("2.6.0", hip), {}, "/usr/lib/python3/dist-packages"),
      { build: "distribution", kind: "system", environment: "/usr" },
    ],
  ])("%s", async (_, tree, expected) => {
    const { torch } = await learn(torchProbe, tree);
    expect(torch).toHaveLength(1);
    expect(torch![0]).toMatchObject(expected);
  });

  test("every place is searched once", async () => {
    const version = versionFile("2.6.0+cpu");
    const at = (prefix: string) => `${prefix}/lib/python3.12/site-packages/torch/version.py`;
    const { torch } = await learn(torchProbe, {
      env: { VIRTUAL_ENV: "/people/alice/venv" },
      files: {
        [at("/people/alice/venv")]: version,
        "/people/alice/venv/pyvenv.cfg": "",
        [at("/people/alice/ComfyUI/venv")]: version,
        "/people/alice/ComfyUI/venv/pyvenv.cfg": "",
        [at("/people/alice/miniconda3/envs/ml")]: version,
        "/people/alice/miniconda3/conda-meta/history": "",
        [at("/people/alice/.pyenv/versions/3.12.1")]: version,
        [at("/people/alice/.local/share/pipx/venvs/comfy")]: version,
        [at("/people/alice/.local")]: version,
        [at("/usr/local")]: version,
      },
    });
    expect(torch?.map(({ kind, isActive }) => [kind, isActive])).toEqual([
      ["venv", true],
      ["pyenv", false],
      ["pipx", false],
      ["conda", false],
      ["venv", false],
      ["user", false],
      ["system", false],
    ]);
  });

  test("the Pythons on the PATH, wherever they are, and what they link to", async () => {
    const version = versionFile("2.6.0+cpu");
    const at = (prefix: string) => `${prefix}/lib/python3.12/site-packages/torch/version.py`;
    const { torch } = await learn(torchProbe, {
      env: { PATH: "/opt/torch/.venv/bin:/srv/tools/bin:/usr/bin" },
      files: {
        "/opt/torch/.venv/bin/python3": "",
        "/opt/torch/.venv/pyvenv.cfg": "",
        [at("/opt/torch/.venv")]: version,
        "/srv/python/3.12/bin/python3.12": "",
        [at("/srv/python/3.12")]: version,
      },
      links: { "/srv/tools/bin/python3": "/srv/python/3.12/bin/python3.12" },
    });
    expect(torch?.map(({ environment, kind, isActive }) => [environment, kind, isActive])).toEqual([
      ["/opt/torch/.venv", "venv", true],
      ["/srv/python/3.12", "system", false],
    ]);
  });

  test("version.py of older releases", () => {
    expect(
      readVersion("__version__ = '1.13.1+rocm5.2'\ncuda = None\nhip = '5.2.21151-af'"),
    ).toEqual({
      version: "1.13.1+rocm5.2",
      hip: "5.2.21151-af",
    });
  });
});

describe("WebGPU", () => {
  const adapter = {
    name: "AMD Radeon RX 5600 XT (RADV NAVI10)",
    vendor: "amd",
    architecture: "rdna-1",
    description: "radv: Mesa 25.0.7",
    kind: "gpu",
    backend: "vulkan",
    suits: true,
    remarks: [],
  };

  test("what `rekindle devices --json` prints, after whatever a driver printed", () => {
    const json = JSON.stringify({ adapters: [adapter], cpu: {}, auto: { name: adapter.name } });
    const { name, kind, backend, suits, remarks, vendor, architecture } = adapter;
    expect(readSurvey(`WARNING: radv is old\n${json}`)).toEqual({
      adapters: [
        { name, kind, backend, suits, remarks, vendor, architecture, driver: "radv: Mesa 25.0.7" },
      ],
      chosen: adapter.name,
    });
    expect(() => readSurvey("Segmentation fault")).toThrow(/printed no JSON/);
  });

  test("the source tree has no built command beside it", async () => {
    await expect(learn(webgpuProbe, { files: {} })).rejects.toThrow(/not the built command/);
  });
});

describe("other systems", () => {
  test("Windows: ids and revision from the PNP id, memory of more than 4 GB", async () => {
    const json = JSON.stringify({
      controllers: [
        {
          Name: "AMD Radeon RX 5700 XT",
          PNPDeviceID: "PCI\\VEN_1002&DEV_731F&SUBSYS_E4111DA2&REV_C1\\6&1A2B3C&0&00000019",
          DriverVersion: "31.0.24033.1003",
        },
        { Name: "Remote Display", PNPDeviceID: "ROOT\\DISPLAY\\0000", DriverVersion: null },
      ],
      memory: [{ MatchingDeviceId: "pci\\ven_1002&dev_731f&rev_c1", Bytes: 8573157376 }],
    });
    expect(readControllers(json)).toEqual([
      {
        vendorId: "1002",
        deviceId: "731f",
        revision: "c1",
        subsystem: "1da2:e411",
        name: "AMD Radeon RX 5700 XT",
        driverVersion: "31.0.24033.1003",
        vramBytes: 8573157376,
      },
      { name: "Remote Display" },
    ]);
    await expect(learn(windowsProbe, { files: {} })).rejects.toThrow(/PowerShell.*missing/);
  });

  test("macOS", async () => {
    const json = JSON.stringify({
      SPDisplaysDataType: [
        {
          sppci_model: "AMD Radeon Pro 5600M",
          "spdisplays_device-id": "0x7360",
          "spdisplays_revision-id": "0x0041",
          spdisplays_vendor: "sppci_vendor_amd",
          spdisplays_vram: "8 GB",
        },
        { sppci_model: "Apple M1", spdisplays_vendor: "sppci_vendor_Apple" },
        { sppci_model: "Intel UHD Graphics 630", spdisplays_vendor: "Intel" },
        { sppci_model: "Radeon RX 580", spdisplays_vendor: "ATI (0x1002)" },
      ],
    });
    expect(readDisplays(json)).toEqual([
      {
        vendorId: "1002",
        deviceId: "7360",
        revision: "41",
        name: "AMD Radeon Pro 5600M",
        vramBytes: 8 * 2 ** 30,
      },
      { vendorId: "106b", name: "Apple M1" },
      { vendorId: "8086", name: "Intel UHD Graphics 630" },
      { vendorId: "1002", name: "Radeon RX 580" },
    ]);
    await expect(learn(macosProbe, { files: {} })).rejects.toThrow(/no answer/);
  });
});
