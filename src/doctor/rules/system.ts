import { all, any, fact, not } from "../condition.ts";
import type { Rule } from "../rule.ts";
import { isBetween } from "../version.ts";
import {
  canLaunch,
  gfxIs,
  hasAmd,
  inContainer,
  inWsl,
  isAmd,
  isRdna1,
  onLinux,
  useEngine,
} from "./common.ts";
import { sources } from "./sources.ts";

/*
 * The system around the card: kernel, permissions, containers, WSL.
 */

export const wsl: Rule = {
  id: "wsl",
  title: "WSL does not lend RDNA1 cards to ROCm",
  severity: "blocks",
  about: [],
  when: all(
    inWsl,
    fact("gpus", (gpus) => {
      const lent = gpus.filter((gpu) => gpu.vendorId === "1002" && gpu.gfx !== undefined);
      if (lent.some((gpu) => gpu.gfx!.startsWith("gfx101"))) return true;
      return lent.length === 0 || lent.length < gpus.length ? "unknown" : false;
    }),
  ),
  why:
    "this is WSL, where ROCm sees only cards that the Windows driver lends it, and RDNA1 is " +
    "not among them",
  certainty: "reported",
  howToFindOut: ["powershell.exe -c 'Get-CimInstance Win32_VideoController | select Name'"],
  remedies: [
    {
      isWayRound: true,
      does: "work on Windows itself: AMD's wheels have code for RDNA1 there",
      commands: [
        "py -m venv rekindle-torch",
        "rekindle-torch\\Scripts\\pip install --index-url " +
          "https://repo.amd.com/rocm/whl-multi-arch/ " +
          '"torch[device-gfx1010]==2.11.0+rocm7.14.0"',
      ],
    },
    useEngine,
  ],
  sources: [sources.wslRdna1, sources.wslOverride],
};

export const macos: Rule = {
  id: "no-rocm-on-macos",
  title: "There is no ROCm for macOS",
  severity: "blocks",
  about: ["card"],
  when: all(
    isAmd,
    fact("os.platform", (platform) => platform === "darwin"),
  ),
  why: "AMD builds ROCm for Linux and Windows, and this is macOS",
  certainty: "confirmed",
  howToFindOut: ["uname -s"],
  remedies: [useEngine],
  sources: [sources.supportedGpus],
};

export const containerWithoutGpu: Rule = {
  id: "container-without-gpu",
  title: "The container was not given the GPU",
  severity: "blocks",
  about: [],
  when: all(
    hasAmd,
    inContainer,
    not(inWsl),
    fact("permissions.kfd.exists", (exists) => !exists),
  ),
  why: 'this is a container ({container.kind|"of unknown kind"}) without /dev/kfd',
  certainty: "confirmed",
  howToFindOut: ["ls -l /dev/kfd /dev/dri"],
  remedies: [
    {
      does: "start it with the devices and their groups",
      commands: [
        "docker run --device=/dev/kfd --device=/dev/dri --group-add video --group-add render IMAGE",
      ],
    },
  ],
  sources: [sources.container],
};

export const driverMissing: Rule = {
  id: "kernel-driver-missing",
  title: "The kernel's driver for the card is not at work",
  severity: "blocks",
  about: ["card"],
  when: all(
    isAmd,
    onLinux,
    not(inWsl),
    not(inContainer),
    any(
      fact("card.driver", (driver) => driver !== "amdgpu"),
      fact("amdgpu.loaded", (loaded) => !loaded),
      fact("permissions.kfd.exists", (exists) => !exists),
    ),
  ),
  why:
    "ROCm needs the module amdgpu with its compute part: the card's driver is " +
    '{card.driver|"unknown"}, files that keep it from loading: {amdgpu.blocked|"unknown"}, ' +
    '/dev/kfd is there: {permissions.kfd.exists|"unknown"}',
  certainty: "confirmed",
  howToFindOut: ["lspci -k -d 1002:", "lsmod | grep amdgpu", "ls -l /dev/kfd"],
  remedies: [
    {
      does:
        "load it, and see what the kernel says; a file under /etc/modprobe.d that blocks it " +
        "has to go",
      commands: [
        "grep -rn amdgpu /etc/modprobe.d",
        "sudo modprobe amdgpu",
        "sudo dmesg | grep -iE 'amdgpu|kfd' | tail",
      ],
    },
  ],
  sources: [sources.releases],
};

export const noPermission: Rule = {
  id: "no-permission",
  title: "No permission to use the GPU",
  severity: "blocks",
  about: [],
  when: all(
    onLinux,
    hasAmd,
    not(inWsl),
    any(
      all(
        fact("permissions.kfd.exists", (exists) => exists),
        fact("permissions.kfd.canUse", (can) => !can),
      ),
      fact("permissions.renderNodes", (nodes) => {
        if (nodes.length === 0) return false;
        if (nodes.some((node) => node.canUse === true)) return false;
        return nodes.some((node) => node.canUse === undefined) ? "unknown" : true;
      }),
    ),
  ),
  why:
    "this user may not open /dev/kfd or the render nodes, which belong to the group " +
    '{permissions.kfd.group|"render"}; groups in force: {permissions.groups}',
  certainty: "confirmed",
  howToFindOut: ["ls -l /dev/kfd /dev/dri/renderD*", "groups"],
  remedies: [
    {
      does: "join the groups, then log out and in again",
      commands: ["sudo usermod -aG render,video $USER"],
    },
  ],
  sources: [sources.kfdGroup],
};

/**
 * From Linux 6.12 on the kernel checks the size of a queue's save area; runtimes with
 * rocm-systems#6125 and without #11299 count 40 waves for each compute unit where it counts 32.
 * 7.15 and 10.0 are reported; when the change came into 7.14 and the cure into later ones is open.
 */
const countsFortyWaves = fact("pytorch.rocmVersion", (version) => {
  if (isBetween(version, "7.15", "10.1") === true) return true;
  return isBetween(version, "0", "7.14") === true ? false : "unknown";
});
const checksSaveArea = fact("kernel.release", (release) => isBetween(release, "6.12"));

const queueSize = {
  title: "Kernel and runtime disagree on the size of a queue",
  about: ["card", "pytorch"],
  howToFindOut: ["uname -r", "HSAKMT_DEBUG_LEVEL=7 rocminfo 2>&1 | tail"],
  remedies: [
    {
      does: "choose a kernel before 6.12 in the boot menu, or wait for a runtime with the fix",
      commands: ["ls /boot/vmlinuz-*  # the kernels that are installed"],
    },
    useEngine,
  ],
  sources: [sources.waves, sources.wavesChange, sources.wavesFix],
} as const;

const disagree = (...targets: readonly string[]) =>
  all(gfxIs(...targets), onLinux, not(inWsl), canLaunch, checksSaveArea, countsFortyWaves);

export const queueSizeNavi14: Rule = {
  ...queueSize,
  id: "queue-size-mismatch",
  severity: "blocks",
  when: disagree("gfx1012"),
  why:
    "Linux {kernel.release} checks the size of the save area, and the runtime of ROCm " +
    "{pytorch.rocmVersion} takes 40 waves for each compute unit where the kernel takes 32: " +
    "launches end in HSA_STATUS_ERROR_OUT_OF_RESOURCES with memory free",
  certainty: "reported",
};

export const queueSizeInferred: Rule = {
  ...queueSize,
  id: "queue-size-mismatch-inferred",
  severity: "blocks",
  when: disagree("gfx1010", "gfx1011"),
  why:
    "Linux {kernel.release} checks the size of the save area, and the runtime of ROCm " +
    "{pytorch.rocmVersion} is one that takes 40 waves for each compute unit where the kernel " +
    "takes 32: reported for gfx1012, the arithmetic is the same for {card.gfx}",
  certainty: "inferred",
};

export const kernelFreezes: Rule = {
  id: "kernel-may-freeze",
  title: "Kernels from 6.17 on are said to freeze",
  severity: "note",
  about: ["card"],
  when: all(
    isRdna1,
    onLinux,
    not(inWsl),
    fact("kernel.release", (release) => isBetween(release, "6.17")),
  ),
  why:
    "the kernel is {kernel.release}; one maintainer of wheels for gfx1010 saw freezes from " +
    "6.17 on and went back to 6.12",
  certainty: "reported",
  howToFindOut: ["uname -r"],
  remedies: [
    {
      does: "if it freezes, choose an older kernel in the boot menu",
      commands: ["ls /boot/vmlinuz-*  # the kernels that are installed"],
    },
  ],
  sources: [sources.freezes],
};
