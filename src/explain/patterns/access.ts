import { type Pattern, sources } from "../pattern.ts";
import { machineState, withoutRocm } from "../steps.ts";

export const atomics: Pattern = {
  id: "pcie-atomics",
  role: "cause",
  title: "The slot or the processor does not pass PCIe atomics on, and ROCm leaves the card out",
  signs: [/skipped device \w{4}:(?<pci>\w{4}), PCI rejects atomics(?: (?<firmware>[\d<]{3,9}))?/],
  cause: (seen) => {
    const firmware = seen.value("pcie-atomics", "firmware");
    const newer = firmware
      ? ` The two numbers (${firmware}) are the card's firmware and the first one that does ` +
        "without."
      : "";
    return (
      "ROCm's kernel driver wants atomic operations across PCI Express, and the way from this " +
      `slot to the processor does not carry them.${newer}`
    );
  },
  isNot: ["a broken card: graphics and Vulkan work in the same slot", "a missing package of ROCm"],
  // The card may have been in another slot when the log was written.
  certainty: (seen) => (seen.gpu?.pcie?.atomics ? "possible" : "confirmed"),
  steps: (seen) => [
    ...(seen.value("pcie-atomics", "firmware")
      ? [
          {
            what: "Newer firmware does without atomics on these cards: update it and boot again.",
            command:
              "sudo apt install --only-upgrade firmware-amd-graphics linux-firmware; sudo reboot",
          },
        ]
      : []),
    {
      what:
        "Put the card into the slot that is wired to the processor, and see what the bridges " +
        "carry.",
      command: "sudo lspci -vvv | grep -E 'PCI bridge|VGA|AtomicOps'",
    },
    withoutRocm,
  ],
  sources: sources(
    "ROCm/ROCm#1214 2020-09",
    "ROCm/ROCm#910 2019-10",
    "torvalds/linux drivers/gpu/drm/amd/amdkfd/kfd_device.c 2026",
  ),
  explains: ["no-gpu-visible", "out-of-resources", "kfd-absent"],
};

export const hostcall: Pattern = {
  id: "hostcall-without-atomics",
  role: "cause",
  title: "The card works without PCIe atomics, and parts of HIP do not",
  signs: [/Pcie atomics not enabled, hostcall not supported/i],
  cause:
    "Functions that call back from a kernel to the processor (printf, assertions) need PCIe " +
    "atomics, which the slot does not pass on. Hangs and black pictures of PyTorch 2 are " +
    "reported with it; " +
    "another slot mended them.",
  isNot: ["a reason to set an override"],
  certainty: "likely",
  steps: [
    {
      what:
        "Put the card into the slot that is wired to the processor; 4 or 8 in flags below " +
        "means none.",
      command: "grep flags /sys/class/kfd/kfd/topology/nodes/*/io_links/0/properties",
    },
  ],
  sources: sources("ROCm/ROCm#2429 2023-11", "pytorch/pytorch#103973 2023-11"),
  explains: ["queue-preemption"],
};

export const kfdPermission: Pattern = {
  id: "kfd-permission",
  role: "cause",
  title: "This user may not open the GPU's device files",
  signs: [
    /Unable to open \/dev\/kfd read-write: (?<why>Permission denied|Operation not permitted)/,
    /is not member of "?(?<group>render|video)"? group/,
    /\/dev\/(?:kfd|dri\/renderD\d{3})\W.{0,40}(?<why>Permission denied)/,
  ],
  cause:
    "/dev/kfd and /dev/dri/renderD* belong to the group render (video on older systems), and " +
    "this session is not in it. Inside a container the groups of the host must be passed on.",
  isNot: [
    "a missing driver: the device file is there",
    "lack of resources, as the next line may say",
  ],
  certainty: (seen) => {
    const { kfd } = seen.facts?.permissions ?? {};
    if (kfd?.canUse === false) return "confirmed";
    if (kfd?.canUse === true) return "possible";
    const denied = seen.values("kfd-permission", "why").includes("Permission denied");
    return denied || seen.value("kfd-permission", "group") ? "confirmed" : "likely";
  },
  steps: [
    {
      what: "Join the groups, then log out and in again.",
      command: "sudo usermod -aG render,video $USER",
    },
    {
      what: "In a container: pass devices and the groups' numbers.",
      command:
        "docker run --device /dev/kfd --device /dev/dri --group-add $(getent group render | " +
        "cut -d: -f3) --group-add video ...",
    },
  ],
  sources: sources(
    "ROCm/ROCm-docker#116 2023-10",
    "ROCm/rocminfo#34 2020-04",
    "ROCm/ROCm#1211 2020-09",
  ),
  explains: ["out-of-resources", "no-gpu-visible"],
};

export const kfdAbsent: Pattern = {
  id: "kfd-absent",
  role: "cause",
  title: "The kernel offers no compute device",
  signs: [
    /ROCk module is NOT loaded/,
    /Unable to open \/dev\/kfd read-write: (?<why>No such file|Invalid arg|Cannot alloc)/,
    /driver not initialized \(amdgpu not found in modules\)/,
  ],
  cause:
    "There is no usable /dev/kfd: the driver amdgpu is not loaded, it left the card out, or " +
    "a container or virtual machine does not see the device.",
  isNot: ["missing permissions"],
  certainty: (seen) => {
    const { kfd } = seen.facts?.permissions ?? {};
    if (kfd?.exists === false) return "confirmed";
    if (seen.clue("wsl") || seen.clue("container") || kfd?.exists) return "possible";
    return "likely";
  },
  steps: [
    {
      what: "Is the driver loaded, and what did it say?",
      command: "lsmod | grep amdgpu; sudo dmesg | grep -iE 'kfd|amdgpu' | head -n 40",
    },
    {
      what: "In a container: pass the devices.",
      command: "docker run --device /dev/kfd --device /dev/dri ...",
    },
    machineState,
  ],
  sources: sources(
    "ROCm/ROCm#1506 2021-06",
    "ROCm/ROCm#1798 2022-08",
    "ROCm/ROCm#4043 2024-11",
    "ROCm/rocminfo#41 2021-04",
  ),
  explains: ["out-of-resources", "no-gpu-visible"],
};
