import type { Source } from "../../doctor/rule.ts";
import { RekindleError } from "../../errors.ts";

/*
 * Where AMD publishes PyTorch for these cards, and which versions belong together. The versions of
 * a channel are those that the sources name: what an index holds today, pip finds out.
 */

export const channelSources = {
  brokenVersion: {
    title: "Unsloth leaves rocm7.14.1 out: AOTriton's runtime and kernels do not match",
    at: "ROCm/TheRock#7992",
    date: "2026",
  },
  perFamily: {
    title: "AMD: the indexes for one family (v2/...) get no new builds, since TheRock#5790",
    at: "ROCm/TheRock#5954",
    date: "2026-06-18",
  },
} as const satisfies Record<string, Source>;

/** torch, torchvision and torchaudio of one build. */
type Versions = readonly [torch: string, vision: string, audio: string];

interface Channel {
  readonly index: string;
  /** Absent: the newest that there are. */
  readonly versions?: Versions;
  /** Device code comes as packages of its own, which an extra names. */
  readonly hasExtras: boolean;
  readonly notes: readonly string[];
}

const channels = {
  stable: {
    index: "https://repo.amd.com/rocm/whl-multi-arch/",
    versions: ["2.11.0+rocm7.14.0", "0.26.0+rocm7.14.0", "2.11.0+rocm7.14.0"],
    hasExtras: true,
    notes: [],
  },
  next: {
    index: "https://stable.repo.amd.com/rocm/whl-next/",
    versions: ["2.13.0+rocm10.0.0", "0.28.0+rocm10.0.0", "2.11.0.2+rocm10.0.0"],
    hasExtras: true,
    notes: [],
  },
  nightly: {
    index: "https://rocm.nightlies.amd.com/whl-multi-arch/",
    hasExtras: true,
    notes: [
      "Nightly builds change from day to day. The owner of an RX 5600 XT had " +
        "torch 2.11.0+rocm7.15.0a20260728 from here (unslothai/unsloth#9138, 2026-09-19).",
    ],
  },
  legacy: {
    index: "https://rocm.nightlies.amd.com/v2/gfx101X-dgpu/",
    hasExtras: false,
    notes: [
      "A fallback: the older index, for gfx1010 to gfx1012 alone. It gets no new builds " +
        "(ROCm/TheRock#5954, 2026-06-18), nobody reports its wheels to work on these cards, and " +
        "it may go away.",
    ],
  },
} as const satisfies Record<string, Channel>;

export const channelNames = Object.keys(channels);

/** Releases of ROCm whose wheels are known not to work. */
const broken = ["7.14.1"];
/** Releases of torch that AMD's indexes offer (TheRock, RELEASES.md, 2026-08-22). */
const torchReleases = ["2.11.0", "2.12.0", "2.13.0", "2.14.0"];
const brokenNote =
  `Builds for ROCm ${broken.join(", ")} are left out: they are reported not to work ` +
  `(${channelSources.brokenVersion.at}).`;

/** What pip is to install, and from where. */
export interface Wheels {
  readonly index: string;
  readonly packages: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Packages that belong together, none of them known to be broken.
 *
 * @param torch a version that the user wants, or "". Throws "usage" for one that is broken.
 */
export function wheelsFor(name: string, gfx: string, torch: string): Wheels {
  const channel: Channel = channels[name as keyof typeof channels];
  refuseBroken(torch);
  const [ofTorch, ofVision, ofAudio] =
    torch !== "" ? matching(torch) : channel.versions ? exact(channel.versions) : newest;
  const extra = channel.hasExtras ? `[device-${gfx}]` : "";
  const isPinned = /\+/.test(torch) || (torch === "" && channel.versions !== undefined);
  return {
    index: channel.index,
    packages: [`torch${extra}${ofTorch}`, `torchvision${extra}${ofVision}`, `torchaudio${ofAudio}`],
    notes: [...channel.notes, ...(isPinned ? [] : [brokenNote])],
  };
}

function refuseBroken(torch: string): void {
  const rocm = broken.find((version) => torch.endsWith(`+rocm${version}`));
  if (rocm === undefined) return;
  throw new RekindleError("usage", `builds for ROCm ${rocm} are reported not to work`, {
    fix: `take another version (${channelSources.brokenVersion.at})`,
  });
}

const exact = (versions: Versions): Versions => {
  const [torch, vision, audio] = versions;
  return [`==${torch}`, `==${vision}`, `==${audio}`];
};

const without = (releases: readonly string[]) =>
  releases.flatMap((release) => broken.map((rocm) => `!=${release}+rocm${rocm}`)).join(",");

const newest: Versions = [without(torchReleases), "", ""];

/**
 * The set for a version of torch "2.11.0+rocm7.14.0" or "2.11.0": torchvision 0.(15 + minor) of the
 * same patch; torchaudio of the same version up to 2.11, and 2.11 for what is newer.
 */
function matching(torch: string): Versions {
  const [, major, minor, patch, local] = /^(\d+)\.(\d+)\.(\d+)(\+\S+)?$/.exec(torch) ?? [];
  if (major !== "2") {
    throw new RekindleError("usage", `torch=${torch} is no version of PyTorch 2`, {
      fix: "--set torch=2.11.0+rocm7.14.0",
    });
  }
  const build = local ?? "";
  const isOld = Number(minor) <= 11;
  const vision = `0.${Number(minor) + 15}.${patch}${build}`;
  return [
    `==${torch}${build === "" ? `,${without([torch])}` : ""}`,
    `==${vision}`,
    isOld ? `==${torch}` : "==2.11.*",
  ];
}
