import { all, type Condition, fact } from "../../doctor/condition.ts";
import type { Source } from "../../doctor/rule.ts";
import { gfxIs } from "../../doctor/rules/common.ts";
import type { Remedy, Requirement, Situation } from "../remedy.ts";
import type { Plan } from "../step.ts";
import { GB, gfxOf, linuxOnly } from "./common.ts";
import { installSystemPackages, managerOf } from "./system-packages.ts";
import { waySources } from "./way-sources.ts";

/*
 * What distributions build for these cards themselves, as far as it is documented or reported.
 */

const runs = (manager: ReturnType<typeof managerOf>): Condition =>
  fact("os.id", (id) => managerOf(id) === manager);

const isCard: Requirement = {
  when: gfxIs("gfx1010", "gfx1011", "gfx1012"),
  otherwise: "it is documented or reported for RDNA1 alone",
};

const base = {
  kind: "way",
  standsOn: "rocm",
  cost: () => ({ minutes: [5, 30], downloadBytes: 3 * GB, diskBytes: 15 * GB, root: true }),
  changes: ["Packages of the distribution."],
} as const satisfies Partial<Remedy>;

type Parts = Pick<
  Remedy,
  "id" | "title" | "gives" | "serves" | "fp16" | "certainty" | "evidence" | "risks"
> & { readonly sources: readonly [Source, ...Source[]] };

async function planDebian(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  const names = ["hipcc", "rocminfo", "librocblas-dev", "libhipblas-dev"];
  return {
    steps: await installSystemPackages(situation, "install-rocm", { apt: names }),
    verification: [
      {
        kind: "inspect",
        path: "/usr/lib/x86_64-linux-gnu/rocblas",
        target: gfxOf(situation),
      },
      {
        kind: "command",
        does: "ROCm's runtime sees the card",
        command: { program: "rocminfo", args: [] },
      },
    ],
    notes: ["Debian has no MIOpen and so no PyTorch for ROCm: this is for programs built on HIP."],
  };
}

async function planArch(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  return {
    steps: await installSystemPackages(situation, "install-torch", {
      pacman: ["python-pytorch-rocm"],
    }),
    verification: [{ kind: "trial", target: "torch", python: "/usr/bin/python", onGpu: true }],
    notes: ["The report set HSA_OVERRIDE_GFX_VERSION=10.1.0, which is what gfx1010 is anyway."],
  };
}

async function planFedora(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  return {
    steps: await installSystemPackages(situation, "install-torch", { dnf: ["python3-torch"] }),
    verification: [{ kind: "trial", target: "torch", python: "/usr/bin/python3", onGpu: true }],
    notes: [],
  };
}

const distribution = (
  parts: Parts,
  requirement: Requirement,
  rest: Pick<Remedy, "plan"> | Pick<Remedy, "byHand" | "cost">,
): Remedy => ({ ...base, ...parts, requires: [linuxOnly, requirement, isCard], ...rest });

export const debianPackages = distribution(
  {
    id: "debian-packages",
    title: "Debian's own ROCm libraries",
    gives: "HIP and rocBLAS with code for the card, for programs such as llama.cpp built on them",
    serves: { llm: "slowly" },
    fp16: "unknown",
    certainty: "confirmed",
    evidence:
      "Debian builds ROCm's libraries for RDNA1 since Debian 13 and tests them on such a card; " +
      "PyTorch for ROCm is not among them",
    sources: [waySources.debianRocm, waySources.debianTested],
    risks: ["The versions are older than AMD's."],
  },
  {
    when: all(
      fact("os.id", (id) => id === "debian"),
      fact("os.versionId", (version) => Number(version) >= 13),
    ),
    otherwise: "it is for Debian 13 and later",
  },
  { plan: planDebian },
);

export const archPackages = distribution(
  {
    id: "arch-packages",
    title: "Arch's PyTorch for ROCm",
    gives: "PyTorch for ROCm as the system's own package",
    serves: { train: "slowly", infer: "slowly" },
    fp16: "unknown",
    certainty: "reported",
    evidence: "one owner of an RX 5700 reports that it trained on MNIST with it, on Manjaro",
    sources: [waySources.archTorch],
    risks: ["Every update of the system may bring another version, with or without the card."],
  },
  { when: runs("pacman"), otherwise: "it is for Arch and its relatives" },
  { plan: planArch },
);

export const fedoraPackages = distribution(
  {
    id: "fedora-packages",
    title: "Fedora's PyTorch",
    gives: "PyTorch for ROCm as the system's own package",
    serves: { train: "slowly", infer: "slowly" },
    fp16: "unknown",
    certainty: "reported",
    evidence: "one user with a gfx1010 card reports that Fedora's PyTorch works",
    sources: [waySources.fedoraTorch],
    risks: ["Every update of the system may bring another version, with or without the card."],
  },
  { when: runs("dnf"), otherwise: "it is for Fedora" },
  { plan: planFedora },
);

export const gentooPackages = distribution(
  {
    id: "gentoo-packages",
    title: "Gentoo's ROCm, compiled for the card",
    gives: "ROCm's libraries with code for the card",
    serves: { llm: "slowly" },
    fp16: "unknown",
    certainty: "confirmed",
    evidence: "Gentoo has USE flags for these targets; nobody reports PyTorch with them",
    sources: [waySources.gentooFlags],
    risks: ["Compiling ROCm takes hours."],
  },
  { when: fact("os.id", (id) => id === "gentoo"), otherwise: "it is for Gentoo" },
  {
    cost: () => ({ minutes: [120, 720], downloadBytes: 3 * GB, diskBytes: 15 * GB, root: true }),
    byHand: [
      "Add the card to the targets: in /etc/portage/package.use/rocm the line " +
        '"*/* AMDGPU_TARGETS: gfx1010" (gfx1011 or gfx1012 for theirs)',
      "emerge --ask --newuse --deep @world",
      "rekindle inspect /usr/lib64/librocblas.so --for gfx1010",
    ],
  },
);
