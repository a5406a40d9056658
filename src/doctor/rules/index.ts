import { all, forSome, not } from "../condition.ts";
import type { Rule } from "../rule.ts";
import * as card from "./card.ts";
import { canLaunch, isMain } from "./common.ts";
import * as limits from "./limits.ts";
import * as override from "./override.ts";
import * as pytorch from "./pytorch.ts";
import * as runtime from "./runtime.ts";
import { sources } from "./sources.ts";
import * as system from "./system.ts";

/** From the hardware upwards: of several that block, the first is the one to begin with. */
const diseases: readonly Rule[] = [
  card.noAmdCard,
  system.macos,
  system.wsl,
  system.containerWithoutGpu,
  card.noAtomics,
  system.driverMissing,
  system.noPermission,
  card.integratedFirst,
  runtime.patchedRuntime,
  runtime.preloadShim,
  override.overrideForeign,
  pytorch.noTorch,
  pytorch.cpuTorch,
  pytorch.otherVendorsTorch,
  pytorch.noCode,
  pytorch.noExtra,
  pytorch.oldSourceBuild,
  pytorch.rocblasWithout,
  system.queueSizeNavi14,
  system.queueSizeInferred,
  override.overrideLegacy,
  override.overrideInFile,
  override.tooMuchDisabled,
  override.searchEnforced,
  limits.batchNorm,
  limits.halfConvolution,
  pytorch.newerRocmSlower,
  limits.tritonSilent,
  card.littleMemory,
  limits.noVulkan,
  limits.softwareVulkan,
  card.cardIdentified,
  card.navi12,
  card.faultsInLog,
  pytorch.codeInKpack,
  limits.databaseMissing,
  limits.noFusedAttention,
  override.overrideIdle,
  override.overrideSuperset,
  override.overrideRelative,
  override.overrideOnWindows,
  override.fineGrainVariable,
  runtime.idleParameter,
  system.kernelFreezes,
];

const blockers = diseases
  .filter((rule) => rule.severity === "blocks")
  .map((rule) => (rule.about.includes("library") ? forSome("library", rule.when) : rule.when));

const healthy: Rule = {
  id: "healthy",
  title: "Nothing stands in the way of Conv2d",
  severity: "note",
  about: ["card", "pytorch"],
  when: all(isMain, canLaunch, ...blockers.map(not)),
  why:
    "PyTorch {pytorch.version} has code that {card.gfx} can run, and nothing that is known " +
    "to block it was found",
  certainty: "inferred",
  howToFindOut: [
    'python3 -c "import torch; print(torch.nn.Conv2d(8, 8, 3).cuda()(torch.ones(1, 8, 16, ' +
      '16).cuda()).sum())"',
  ],
  remedies: [],
  sources: [sources.wheelWorks, sources.supportedGpus],
};

/** Every rule of the doctor. */
export const rules: readonly Rule[] = [...diseases, healthy];
