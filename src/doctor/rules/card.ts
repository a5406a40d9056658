import { all, any, both, fact, firstKnown, not, some, variable } from "../condition.ts";
import type { Rule } from "../rule.ts";
import { gfxIs, inWsl, isAmd, isRdna1, onLinux, showCard, useEngine } from "./common.ts";
import { sources } from "./sources.ts";

/*
 * Which card it is, and whether the machine can use it at all.
 */

export const noAmdCard: Rule = {
  id: "no-amd-card",
  title: "No GPU of AMD's",
  severity: "blocks",
  about: [],
  when: all(
    not(inWsl),
    fact("gpus", (gpus) => {
      if (gpus.some((gpu) => gpu.vendorId === "1002")) return false;
      return gpus.some((gpu) => gpu.vendorId === undefined) ? "unknown" : true;
    }),
  ),
  why: "no display controller of this machine is AMD's",
  certainty: "confirmed",
  howToFindOut: ["lspci -nn | grep -E 'VGA|Display|3D'"],
  remedies: [useEngine],
  sources: [sources.pciIds],
};

export const cardIdentified: Rule = {
  id: "card-identified",
  title: "The card and its true target",
  severity: "note",
  about: ["card"],
  when: all(
    isAmd,
    fact("card.gfx", (gfx) => gfx.startsWith("gfx")),
  ),
  why:
    '{card.name|card.chip|"the card"} (1002:{card.deviceId}, revision {card.revision}) is ' +
    "{card.gfx}",
  certainty: "confirmed",
  howToFindOut: [
    showCard,
    "grep gfx_target_version /sys/class/kfd/kfd/topology/nodes/*/properties",
  ],
  remedies: [],
  sources: [sources.pciIds, sources.amdgpuIds],
};

export const navi12: Rule = {
  id: "navi12-target",
  title: "Navi 12 is gfx1011, not gfx1010",
  severity: "note",
  about: ["card"],
  when: all(isAmd, gfxIs("gfx1011")),
  why:
    '{card.name|"the card"} is a Navi 12: it takes gfx1011, unlike the RX 5600M, a Navi 10 ' +
    "with gfx1010",
  certainty: "confirmed",
  howToFindOut: [showCard],
  remedies: [],
  sources: [sources.proFiveSix, sources.pciIds],
};

/** A kernel log line that says why the card is left out. */
const atomicsRejected = both("kernelLog.lines", "card.deviceId", (lines, device) =>
  lines.some((line) => line.includes(`1002:${device}`) && line.includes("PCI rejects atomics"))
    ? true
    : "unknown",
);
const firmwareNeedsAtomics = fact("card.kfd.firmwareVersion", (version) => version < 145);

export const noAtomics: Rule = {
  id: "no-pcie-atomics",
  title: "No PCIe atomics between card and processor",
  severity: "blocks",
  about: ["card"],
  when: all(
    isRdna1,
    onLinux,
    not(inWsl),
    firstKnown(
      atomicsRejected,
      all(
        fact("card.pcie.atomics", (has) => !has),
        firmwareNeedsAtomics,
      ),
    ),
  ),
  why:
    'the kernel leaves {card.name|"the card"} out of ROCm: its slot or the processor ' +
    "completes no PCIe atomics, and its firmware is older than 145",
  certainty: "confirmed",
  howToFindOut: ["sudo dmesg | grep -i atomics", "sudo lspci -vvv -d 1002: | grep -i atomicops"],
  remedies: [
    {
      does:
        "move the card to the slot that the processor itself serves, and update the BIOS; " +
        "then look again",
      commands: ["sudo lspci -vvv -d 1002: | grep -i atomicops"],
    },
    useEngine,
  ],
  sources: [sources.kfdDevice, sources.atomicsNavi14],
};

export const integratedFirst: Rule = {
  id: "integrated-gpu-first",
  title: "The integrated GPU comes first",
  severity: "blocks",
  about: [],
  when: all(
    onLinux,
    fact("gpus", (gpus) => {
      if (gpus.some((gpu) => gpu.vendorId === undefined)) return "unknown";
      const amd = gpus.filter((gpu) => gpu.vendorId === "1002");
      const cards = amd.filter((gpu) => gpu.kind === "discrete");
      const inside = amd.filter((gpu) => gpu.kind === "integrated");
      if (amd.some((gpu) => gpu.kind === undefined) && amd.length > 1) return "unknown";
      if (cards.length === 0 || inside.length === 0) return false;
      const nodes = [...cards, ...inside].map((gpu) => gpu.kfd?.node);
      if (nodes.some((node) => node === undefined)) return "unknown";
      const first = (list: typeof amd) => Math.min(...list.map((gpu) => gpu.kfd!.node!));
      return first(inside) < first(cards);
    }),
    variable("HIP_VISIBLE_DEVICES", (value) => value === undefined),
    variable("ROCR_VISIBLE_DEVICES", (value) => value === undefined),
    variable("CUDA_VISIBLE_DEVICES", (value) => value === undefined),
  ),
  why:
    "ROCm lists the integrated GPU before the card, so that programs that name no device " +
    "take it, and no variable says otherwise",
  certainty: "reported",
  howToFindOut: [
    "grep -H gfx_target_version /sys/class/kfd/kfd/topology/nodes/*/properties",
    "env | grep VISIBLE_DEVICES",
  ],
  remedies: [
    {
      does: "show programs the second GPU alone",
      commands: ["export HIP_VISIBLE_DEVICES=1"],
    },
  ],
  sources: [sources.integratedFirst],
};

const gibibyte = 2 ** 30;

export const littleMemory: Rule = {
  id: "little-video-memory",
  title: "Little video memory",
  severity: "slows",
  about: ["card"],
  when: all(
    isAmd,
    fact("card.kind", (kind) => kind === "discrete"),
    any(
      fact("card.vramBytes", (bytes) => bytes <= 4 * gibibyte),
      both("card.vramBytes", "card.vramUsedBytes", (total, used) => total - used < gibibyte),
    ),
  ),
  why:
    'of {card.vramBytes} bytes of video memory {card.vramUsedBytes|"an unknown part"} are in ' +
    'use: larger networks end in "HIP out of memory"',
  certainty: "inferred",
  howToFindOut: [
    "cat /sys/class/drm/card*/device/mem_info_vram_total",
    "cat /sys/class/drm/card*/device/mem_info_vram_used",
  ],
  remedies: [
    {
      does: "close what uses the card, and take smaller batches",
      commands: ["cat /sys/class/drm/card*/device/mem_info_vram_used"],
    },
  ],
  sources: [sources.videoMemory],
};

const faults =
  /ring \S+ timeout|GPU reset begin|page fault \(src_id|PROTECTION_FAULT|Failed to evict proc/;

export const faultsInLog: Rule = {
  id: "faults-in-kernel-log",
  title: "The kernel's log tells of faults of the GPU",
  severity: "note",
  about: [],
  when: all(
    onLinux,
    some("kernelLog.lines", (line) => faults.test(line)),
  ),
  why: 'the kernel recorded a hang, a reset or a page fault of the GPU: "{seen.kernelLog.lines}"',
  certainty: "confirmed",
  howToFindOut: ["sudo dmesg | grep -iE 'amdgpu|kfd'"],
  remedies: [{ does: "read what they mean", commands: ["sudo dmesg | rekindle explain -"] }],
  sources: [sources.faults],
};
