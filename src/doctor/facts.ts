import { z } from "zod";
import { RekindleError } from "../errors.ts";

/*
 * What is known of a machine. Every key but `version` may be absent, and absent means "not known",
 * never "no": an empty list says that there is none, `false` that it is not so. Sizes are in bytes,
 * PCI ids are four lower-case hex digits without "0x".
 */

const text = (meaning: string) => z.string().exactOptional().describe(meaning);
const flag = (meaning: string) => z.boolean().exactOptional().describe(meaning);
const count = (meaning: string) => z.number().nonnegative().exactOptional().describe(meaning);
const texts = (meaning: string) => z.array(z.string()).exactOptional().describe(meaning);
const record = (meaning: string) =>
  z.record(z.string(), z.string()).exactOptional().describe(meaning);
const list = <T extends z.ZodType>(item: T, meaning: string) =>
  z.array(item).exactOptional().describe(meaning);
const part = <T extends z.ZodRawShape>(shape: T, meaning: string) =>
  z.strictObject(shape).exactOptional().describe(meaning);

const os = {
  platform: text('Node\'s name of the system: "linux", "win32", "darwin"'),
  arch: text('Node\'s name of the processor architecture: "x64", "arm64"'),
  id: text('ID of os-release, lower case: "debian", "ubuntu", "arch"'),
  versionId: text('VERSION_ID of os-release: "12", "24.04"'),
  name: text('as the system calls itself: "Debian GNU/Linux 12 (bookworm)"'),
};

const kernel = {
  release: text('release of the running kernel, as uname -r: "6.12.9-amd64"'),
  parameters: record('kernel command line, "" where a word has no value: {"amd_iommu": "off"}'),
};

const pcie = {
  speedGTs: count("present speed of a lane in GT/s: 8 is PCIe 3.0, 16 is 4.0 (falls when idle)"),
  width: count("present number of lanes"),
  maxSpeedGTs: count("highest speed of a lane that the card can do, in GT/s"),
  maxWidth: count("most lanes that the card can use"),
  atomics: flag("the path from the card to the CPU completes PCIe atomics (32 and 64 bits)"),
};

const kfdNode = {
  node: count("number of the node in the KFD topology"),
  gfxTargetVersion: count("gfx_target_version: major*10000 + minor*100 + stepping; 100100"),
  gfx: text(
    'the target that it stands for: "gfx1010" (the kernel\'s word, no override changes it)',
  ),
  simdCount: count("simd_count: two for each compute unit of RDNA"),
  ioLinkFlags: count("flags of the link to the CPU: 4 no 32-bit atomics, 8 no 64-bit atomics"),
  firmwareVersion: count("fw_version of the compute microcode; 145 on Navi 10 needs no atomics"),
};

const gpu = z.strictObject({
  pciAddress: text('"0000:03:00.0"'),
  vendorId: text('"1002" is AMD, "10de" NVIDIA, "8086" Intel'),
  deviceId: text('"731f"'),
  revision: text('two hex digits, which tell cards with one device id apart: "ca"'),
  subsystem: text('vendor and device of the board maker: "1da2:e411"'),
  kind: z
    .enum(["discrete", "integrated", "virtual"])
    .exactOptional()
    .describe("a card, a part of the processor, or a virtual machine's display"),
  name: text('marketing name: "AMD Radeon RX 5600 XT"'),
  chip: text('"Navi 10"'),
  family: text('architecture: "RDNA1", "RDNA2", "GCN5", "CDNA2"'),
  gfx: text('true compute target, whatever an override says: "gfx1010"'),
  computeUnits: count("active compute units"),
  vramBytes: count("memory of the card's own"),
  vramUsedBytes: count("of it in use"),
  driver: text('kernel driver that is bound: "amdgpu", "vfio-pci", "nvidia", "none"'),
  driverVersion: text("version of the display driver, where the system tells (Windows)"),
  displaysBoot: flag("boot_vga: the machine's first display is on this one"),
  temperatureC: count("temperature at the edge of the chip in degrees Celsius"),
  renderNode: text('"/dev/dri/renderD128"'),
  pcie: part(pcie, "its PCI Express link"),
  kfd: part(kfdNode, "as ROCm's kernel interface sees it; absent where it does not"),
});

const device = {
  path: text("the device file"),
  exists: flag("there is such a file"),
  canUse: flag("this user may read and write it"),
  group: text('the group that owns it: "render", "video", or a number'),
  mode: text('permissions in octal: "0660"'),
};

const permissions = {
  isRoot: flag("this process runs as root"),
  user: text("name of the user"),
  groups: texts("groups of the user that are in force in this session"),
  assignedGroups: texts("groups of the user by /etc/group: one not in force needs a new login"),
  kfd: part(device, "/dev/kfd, which ROCm needs"),
  renderNodes: list(z.strictObject(device), "/dev/dri/renderD*, which ROCm and Vulkan need"),
};

const moduleOption = z.strictObject({
  name: z.string().describe('parameter of amdgpu: "mtype_local"'),
  value: z.string().describe("as written"),
  where: z.string().describe('the file with its line, or "kernel command line"'),
});

const amdgpu = {
  loaded: flag("the module amdgpu is in the running kernel"),
  version: text("its version, where it has one: AMD's DKMS packages; the kernel's own has none"),
  isDkms: flag("it comes from AMD's DKMS package and not with the kernel"),
  parameters: record("parameters in force (/sys/module/amdgpu/parameters)"),
  options: list(moduleOption, "parameters that modprobe.d and the kernel command line set"),
  blocked: texts("files, with their lines, that keep amdgpu from loading"),
};

const kernelLog = {
  readable: flag("the kernel's log could be read"),
  source: text('where from: "dmesg", "journalctl -k", "/var/log/kern.log"'),
  lines: texts("lines of amdgpu, kfd and DRM, oldest first, at most 400, those with faults kept"),
};

const rocm = z.strictObject({
  path: z.string().describe('"/opt/rocm-6.2.0"'),
  version: text('"6.2.0"'),
  kind: z
    .enum(["installation", "distribution", "wheel"])
    .exactOptional()
    .describe("AMD's /opt/rocm, a distribution's own packages, or inside a Python environment"),
  rocblasTargets: texts("targets that rocBLAS has kernels for"),
  hipblasltTargets: texts("targets that hipBLASLt has kernels for"),
  miopenTargets: texts('targets, perhaps with CUs, that MIOpen has databases for: "gfx1030_36"'),
});

const library = z.strictObject({
  name: z.enum(["libhsa-runtime64", "libamdhip64", "libMIOpen"]),
  path: z.string().describe("the file itself, links followed"),
  version: text('from its name: "1.14.60200"'),
  owner: text('the package that owns it: "hsa-rocr 1.14.0", or the Python package'),
  isOwned: flag("some package owns it; false: somebody put it there by hand"),
  isModified: flag("it differs from what its package installed; by size alone in large wheels"),
  environment: text("prefix of the Python environment that it lies in; absent: system-wide"),
});

const preload = z.strictObject({
  library: z.string().describe("what is loaded into every program before its own libraries"),
  where: z.string().describe('"LD_PRELOAD", "/etc/ld.so.preload", or a profile with its line'),
  exists: flag("there is such a file"),
});

const setting = z.strictObject({
  file: z.string().describe('where it is set: "~/.bashrc"'),
  line: z.number().describe("line in that file, from 1"),
  name: z.string().describe("variable"),
  value: z.string().describe("as written, without quotes"),
});

/** Where a build of PyTorch comes from, as far as its files tell. */
const torchBuilds = [
  /** For the CPU alone. */
  "cpu",
  /** For NVIDIA. */
  "cuda",
  /** For Intel's GPUs. */
  "xpu",
  /** PyTorch's own wheels for ROCm, all libraries inside. */
  "rocm-stock",
  /** AMD's wheels with one package of device code per target (extra device-gfx1010). */
  "amd-multiarch",
  /** AMD's wheels for one family of targets, without extras. */
  "amd-family",
  /** ROCm, from a distribution. */
  "distribution",
  /** ROCm, built by somebody else or on this machine. */
  "source",
] as const;

const load = z.strictObject({
  target: z.string().describe('"gfx1010"'),
  answer: z.enum(["yes", "no", "unknown"]).describe("whether code for the target is there"),
  why: z.string().describe("one sentence"),
});

const torch = z.strictObject({
  path: z.string().describe("folder of the package torch"),
  environment: text("prefix of its environment"),
  kind: z
    .enum(["venv", "conda", "pyenv", "pipx", "user", "system"])
    .exactOptional()
    .describe("what manages the environment"),
  isActive: flag("`python` in this shell would import this one"),
  python: text('"3.11"'),
  version: text('"2.6.0+rocm6.2.4"'),
  build: z.enum(torchBuilds).exactOptional().describe("where the build comes from"),
  rocmVersion: text('version.hip or what the local version says: "6.2.4"'),
  cudaVersion: text('"12.4"'),
  targets: texts("targets with code inside torch/lib: gfx names without xnack and sramecc"),
  kpackTargets: texts("targets whose code lies in kpack archives beside it"),
  offeredExtras: texts('targets that its metadata offers as extras: "gfx1010" of device-gfx1010'),
  rocblasTargets: texts("targets that the rocBLAS of this environment has kernels for"),
  miopenTargets: texts("targets that its MIOpen has databases for"),
  loads: list(load, "whether code for the GPUs of this machine is there"),
  packages: record("Python packages beside it that matter here, with versions"),
});

const vulkanDriver = z.strictObject({
  manifest: z.string().describe("its ICD file"),
  library: text("as the ICD file names it"),
  libraryExists: flag("the library is there; a missing one hides the driver"),
  name: text('"radv", "amdvlk", "lavapipe", "anv", "nvidia", ..."'),
  apiVersion: text('"1.4.305"'),
  isSoftware: flag("a CPU that emulates a GPU"),
});

const vulkan = {
  loader: text("path of libvulkan.so.1 or vulkan-1.dll; absent with hasLoader false: none"),
  hasLoader: flag("the Vulkan loader is installed"),
  mesaVersion: text('version of Mesa: "25.0.7"'),
  drivers: list(vulkanDriver, "drivers that the loader would try"),
};

const adapter = z.strictObject({
  name: z.string().describe("as the driver spells it"),
  vendor: text('"amd"'),
  architecture: text('"rdna-1"'),
  kind: z
    .enum(["gpu", "software", "null"])
    .exactOptional()
    .describe("software is a CPU that emulates a GPU; null never computes"),
  backend: text('"vulkan", "d3d12", "metal"'),
  driver: text('"radv: Mesa 25.0.7"'),
  suits: flag("Rekindle's engine can run on it"),
  remarks: texts("what to know about it"),
});

const webgpu = {
  adapters: list(adapter, "what WebGPU (Dawn) opens here, asked in a process of its own"),
  chosen: text("name of what Rekindle takes by itself"),
  problem: text("why none could be listed"),
};

const container = {
  inContainer: flag("this process runs in a container"),
  kind: text('"docker", "podman", "lxc", "kubernetes", "toolbox", ..."'),
};

const wsl = {
  inWsl: flag("this is Linux inside Windows"),
  version: count("1 or 2"),
  hasDxg: flag("/dev/dxg is there: Windows lends its GPU"),
};

const disk = z.strictObject({
  purpose: z.enum(["home", "temporary", "system"]).describe("what would go there"),
  folder: z.string().describe("a folder on it"),
  freeBytes: z.number().nonnegative().describe("that this user may still write"),
});

const unknown = z.strictObject({
  probe: z.string().describe("the probe that could not tell"),
  reason: z.string().describe("why"),
  command: text("what to type to find out"),
});

export const factsSchema = z
  .strictObject({
    version: z.literal(1).describe("version of this format"),
    source: text("where a recorded machine comes from: an address, or how it was made"),
    os: part(os, "the operating system"),
    kernel: part(kernel, "the running kernel"),
    memory: part(
      { totalBytes: count("memory of the machine"), availableBytes: count("free of it") },
      "main memory",
    ),
    disks: list(disk, "free space where things would be installed"),
    gpus: list(gpu, "every display controller, in the order of PCI addresses"),
    permissions: part(permissions, "who may use the GPU"),
    amdgpu: part(amdgpu, "AMD's kernel driver"),
    kernelLog: part(kernelLog, "what the kernel said of the GPU"),
    rocm: list(rocm, "ROCm installations"),
    libraries: list(library, "ROCm's runtime libraries on this machine"),
    preloads: list(preload, "libraries that are forced into every program"),
    env: record("variables of this shell that touch ROCm, PyTorch or Vulkan"),
    settings: list(setting, "the same variables where files set them for every shell"),
    torch: list(torch, "PyTorch installations"),
    vulkan: part(vulkan, "Vulkan as installed"),
    webgpu: part(webgpu, "Vulkan, Direct3D and Metal as they work"),
    container: part(container, "containers"),
    wsl: part(wsl, "Windows Subsystem for Linux"),
    unknown: list(unknown, "what could not be learned"),
  })
  .describe("facts of a machine");

/** What is known of a machine. */
export type Facts = z.infer<typeof factsSchema>;
export type GpuFacts = NonNullable<Facts["gpus"]>[number];
export type TorchFacts = NonNullable<Facts["torch"]>[number];
export type RocmFacts = NonNullable<Facts["rocm"]>[number];
export type LibraryFacts = NonNullable<Facts["libraries"]>[number];
export type DeviceFacts = z.infer<z.ZodObject<typeof device>>;
export type Unknown = NonNullable<Facts["unknown"]>[number];

/** Reports and recorded machines hold facts beside other things. */
const documentSchema = z.object({ facts: z.looseObject({}) });

/**
 * Facts from JSON: a file that `rekindle doctor --save-facts` wrote, or a document with such facts
 * under the key "facts", as reports are. Throws "file-invalid" with the key that is wrong.
 *
 * @example
 * parseFacts('{"version": 1, "gpus": []}', "none.json").gpus; // []
 */
export function parseFacts(json: string, path: string): Facts {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new RekindleError("file-invalid", `facts ${path} are no JSON`, {
      fix: "write them with rekindle doctor --save-facts FILE",
      cause,
    });
  }
  const parsed = factsSchema.safeParse(documentSchema.safeParse(value).data?.facts ?? value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const key = issue.path.map(String).join(".") || "the file";
  throw new RekindleError("file-invalid", `facts ${path}: ${key}: ${issue.message}`, {
    fix: "docs/doctor.md lists the keys; write the file with rekindle doctor --save-facts FILE",
  });
}
