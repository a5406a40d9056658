import { expect, test } from "vitest";
import { type Tree, treeHost } from "../../test/tree-host.ts";
import { examine } from "./examine.ts";
import { exitCodeOf, reportOf, reportSchema } from "./report.ts";
import { sentence } from "./sentence.ts";

const device = "/sys/bus/pci/devices/0000:03:00.0";
const node = "/sys/class/kfd/kfd/topology/nodes/1";
const site = "/people/alice/venv/lib/python3.11/site-packages";

/** An RX 5600 XT with PyTorch's own wheel. */
const machine: Tree = {
  env: { VIRTUAL_ENV: "/people/alice/venv", PATH: "/usr/bin" },
  files: {
    "/etc/os-release": "ID=ubuntu\nVERSION_ID=24.04\n",
    "/etc/group": "render:x:105:alice\nvideo:x:44:alice\n",
    "/proc/cmdline": "quiet\n",
    "/proc/version": "Linux version 6.8.0-60-generic",
    "/dev/kfd": "",
    "/dev/dri/renderD128": "",
    "/sys/module/amdgpu/parameters/noretry": "-1\n",
    "/sys/bus/pci/drivers/amdgpu/bind": "",
    [`${device}/class`]: "0x030000\n",
    [`${device}/vendor`]: "0x1002\n",
    [`${device}/device`]: "0x731f\n",
    [`${device}/revision`]: "0xca\n",
    [`${device}/mem_info_vram_total`]: "6425673728\n",
    [`${node}/properties`]:
      "simd_count 72\nsimd_per_cu 2\nlocation_id 768\ngfx_target_version 100100\nfw_version 145\n",
    [`${node}/io_links/0/properties`]: "flags 1\n",
    [`${site}/torch/version.py`]:
      "__version__ = '2.5.1+rocm6.2'\ncuda: Optional[str] = None\nhip: Optional[str] = '6.2.41'\n",
    [`${site}/torch/lib/libamdhip64.so`]: "x",
    [`${site}/torch/lib/libtorch_hip.so`]: "x",
    [`${site}/torch-2.5.1+rocm6.2.dist-info/METADATA`]: "Name: torch\n",
    [`${site}/torch-2.5.1+rocm6.2.dist-info/RECORD`]: "torch/lib/libamdhip64.so,,1\n",
    "/people/alice/venv/pyvenv.cfg": "",
    "/people/alice/.bashrc": "export HSA_OVERRIDE_GFX_VERSION=10.3.0\n",
  },
  links: { [`${device}/driver`]: "/sys/bus/pci/drivers/amdgpu" },
  programs: { dmesg: { out: "[drm] amdgpu kernel modesetting enabled.\n" } },
  system: { kernelRelease: "6.8.0-60-generic", groups: [1000, 44, 105] },
};

/** Reports on the machine, with what an inspection of torch would find and WebGPU would list. */
async function report(tree: Tree) {
  const host = treeHost(tree);
  const code = {
    targets: ["gfx900", "gfx1030"],
    kpackTargets: [],
    loads: [{ target: "gfx1010", answer: "no", why: "it has gfx900, gfx1030" }],
  };
  const survey = JSON.stringify({ adapters: [], auto: null });
  const learn = async <T>(name: string) =>
    (name.startsWith("inspect") ? code : { status: 0, out: survey, err: "" }) as T;
  return reportOf(await examine({ ...host, learn }));
}

const rulesOf = (findings: readonly { rule: string }[]) => findings.map(({ rule }) => rule);

test("from the files of a machine to the verdict: the stock wheel has no code for it", async () => {
  const found = await report(machine);
  expect(reportSchema.parse(found)).toEqual(found);
  expect(found.facts.unknown).toBeUndefined();
  expect(rulesOf(found.findings)).toContain("torch-without-code");
  expect(rulesOf(found.findings)).not.toContain("override-foreign");
  expect(found.verdict.outcome).toBe("fails");
  expect(found.verdict.sentence).toMatch(/^Conv2d in PyTorch will not work here because /);
  expect(exitCodeOf(found)).toBe(1);
});

test("and with an override in force", async () => {
  const env = { ...machine.env, HSA_OVERRIDE_GFX_VERSION: "10.3.0" };
  const { findings, verdict } = await report({ ...machine, env });
  expect(rulesOf(findings)).toContain("override-foreign");
  expect(verdict.way[0]?.commands.join()).toContain("unset HSA_OVERRIDE_GFX_VERSION");
});

test("and without permission", async () => {
  const files = { ...machine.files, "/dev/kfd": null, "/dev/dri/renderD128": null };
  const { findings } = await report({ ...machine, files, system: { groups: [1000] } });
  expect(rulesOf(findings)).toContain("no-permission");
});

test("nothing known: nothing is claimed", () => {
  const empty = reportOf({ version: 1 });
  expect(empty.findings).toEqual([]);
  expect(exitCodeOf(empty)).toBe(2);
});

test.each([
  ["the card is gone", "The card is gone."],
  ["libtorch_hip.so is empty", "libtorch_hip.so is empty."],
  ["gfx1010 is not there", "gfx1010 is not there."],
  ["gpus, wsl", "Gpus, wsl."],
])("%s", (clause, expected) => {
  expect(sentence(clause)).toBe(expected);
});
