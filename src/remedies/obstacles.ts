import { type Diagnosis, type Facts, sentence } from "../doctor/index.ts";
import type { Cost, Remedy } from "./remedy.ts";

/** Something that has to be put right first. */
export interface Obstacle {
  /** In a few words. */
  readonly title: string;
  /** A sentence. */
  readonly why: string;
  /** What to do about it, as a clause; absent where nothing can be done. */
  readonly does?: string;
  /** How; empty where nothing can be done. */
  readonly commands: readonly string[];
  /** No command puts it right. */
  readonly isFinal: boolean;
}

/** The doctor's rules on what a remedy stands on; those that nothing can be done about first. */
const rulesBelow = {
  rocm: {
    final: ["no-amd-card", "no-rocm-on-macos", "wsl", "no-pcie-atomics"],
    other: [
      "container-without-gpu",
      "kernel-driver-missing",
      "no-permission",
      // Of the runtime that is there; one that is newly installed is of the same line.
      "queue-size-mismatch",
      "queue-size-mismatch-inferred",
      // In this shell; what profiles set is for clean-ups.
      "override-foreign",
    ],
  },
  vulkan: { final: [], other: ["vulkan-missing", "vulkan-software-only"] },
  cpu: { final: [], other: [] },
  nothing: { final: [], other: [] },
} as const;

/** What the machine lacks for a remedy, by the doctor's findings and by its size. */
export function obstaclesFor(
  { standsOn }: Pick<Remedy, "standsOn">,
  cost: Cost,
  facts: Facts,
  { found }: Diagnosis,
): Obstacle[] {
  const below = rulesBelow[standsOn];
  const ofRules = found.flatMap(({ rule, cases }): Obstacle[] => {
    const isFinal = (below.final as readonly string[]).includes(rule.id);
    if (!isFinal && !(below.other as readonly string[]).includes(rule.id)) return [];
    const [first] = cases;
    const remedy = isFinal ? undefined : first.remedies[0];
    const how = { ...(remedy && { does: remedy.does }), commands: remedy?.commands ?? [] };
    return [{ title: rule.title, why: sentence(first.why), ...how, isFinal }];
  });
  return [...ofRules, ...ofSize(cost, facts)];
}

function ofSize(cost: Cost, { disks, memory }: Facts): Obstacle[] {
  const wanted = Math.max(cost.diskBytes, cost.diskBytesMax ?? 0);
  const free = disks?.find(({ purpose }) => purpose === "home")?.freeBytes;
  const total = memory?.totalBytes;
  const short = (what: string, needed: number, there: number): Obstacle => ({
    title: `Too little ${what}`,
    why: `It needs ${gigabytes(needed)} of ${what}, and there are ${gigabytes(there)}.`,
    commands: [],
    isFinal: false,
  });
  return [
    ...(free !== undefined && free < wanted ? [short("free disk", wanted, free)] : []),
    ...(total !== undefined && total < (cost.memoryBytes ?? 0)
      ? [short("memory", cost.memoryBytes!, total)]
      : []),
  ];
}

/** "12 GB", "0.3 GB", "20 MB". */
export function gigabytes(bytes: number): string {
  if (bytes === 0) return "0";
  if (bytes < 0.1e9) return `${Math.max(1, Math.round(bytes / 1e6))} MB`;
  const value = bytes / 1e9;
  return `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)} GB`;
}
