import type { Source } from "../../../doctor/rule.ts";
import { sources } from "../../../doctor/rules/sources.ts";
import { waySources } from "../way-sources.ts";

/** A release of PyTorch that somebody reports to have built for these cards. */
export interface Release {
  readonly name: string;
  /** Of PyTorch's own repository. */
  readonly tag: string;
  readonly commit: string;
  /** torchvision's tag for it. */
  readonly visionTag: string;
  /** ROCm releases that it was reported with, the newest first. */
  readonly rocm: readonly [string, ...string[]];
  /** composable_kernel is compiled and lacks these cards. */
  readonly isPatched: boolean;
  /** Switches of the build, as reported. */
  readonly env: Readonly<Record<string, string>>;
  readonly source: Source;
}

/** AOTriton has no code for these cards, and both kinds of attention are made of it. */
const noAttention = { USE_FLASH_ATTENTION: "0", USE_MEM_EFF_ATTENTION: "0" };

export const releases: readonly Release[] = [
  {
    name: "2.10",
    tag: "v2.10.0",
    commit: "449b1768410104d3ed79d3bcfe4ba1d65c7f22c0",
    visionTag: "v0.25.0",
    rocm: ["7.2"],
    isPatched: true,
    env: {
      ...noAttention,
      USE_STATIC_MKL: "1",
      USE_ROCM_CK_GEMM: "1",
      USE_ROCM_CK_SDPA: "1",
    },
    source: waySources.sourceRocm72,
  },
  {
    name: "2.9",
    tag: "v2.9.1",
    commit: "5811a8d7da873dd699ff6687092c225caffcf1bb",
    visionTag: "v0.24.1",
    rocm: ["6.4", "6.3"],
    isPatched: true,
    env: { ...noAttention, USE_DISTRIBUTED: "0", USE_NCCL: "0", USE_MPS: "0" },
    source: waySources.sourceRocm64,
  },
  {
    name: "2.8",
    tag: "v2.8.0",
    commit: "ba56102387ef21a3b04b357e5b183d48f0afefc7",
    visionTag: "v0.23.0",
    rocm: ["6.2"],
    isPatched: true,
    env: {
      ...noAttention,
      USE_DISTRIBUTED: "0",
      USE_FBGEMM: "0",
      USE_MKLDNN: "0",
      USE_NNPACK: "0",
      USE_QNNPACK: "0",
      CMAKE_POLICY_VERSION_MINIMUM: "3.5",
    },
    source: waySources.sourceRocm62,
  },
  {
    name: "2.4",
    tag: "v2.4.0",
    commit: "d990dada86a8ad94882b5c23e859b88c0c255bda",
    visionTag: "v0.19.0",
    rocm: ["6.1"],
    isPatched: false,
    env: { ...noAttention, CMAKE_POLICY_VERSION_MINIMUM: "3.5" },
    source: sources.selfBuilt,
  },
];

/** The release to build on a ROCm, by its version "6.4.3"; undefined where none was reported. */
export function releaseFor(rocm: string): Release | undefined {
  const minor = rocm.split(".").slice(0, 2).join(".");
  return releases.find((release) => release.rocm.includes(minor));
}
