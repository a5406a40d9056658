import { examine, type Facts, type Probe, stages } from "../doctor/index.ts";
import { targetOfVersion } from "../explain/cards.ts";
import type { Host } from "../host/index.ts";

/** What experiments with PyTorch depend on. */
export interface Machine {
  /** The build of PyTorch is for ROCm. */
  readonly isRocm: boolean;
  /** HSA_OVERRIDE_GFX_VERSION as it is set. */
  readonly override?: string | undefined;
  /** The card's true target, where it is known. */
  readonly gfx?: string | undefined;
}

/** What can be learned at once, and without opening a driver. */
const quick = new Set(["pci", "system", "kfd", "drm", "amdgpu", "environment"]);

/** Facts that tell the card and its settings; takes a fraction of a second. */
export async function quickFacts(host: Host): Promise<Facts> {
  const chosen = stages.map((stage: readonly Probe[]) =>
    stage.filter(({ name }) => quick.has(name)),
  );
  return await examine(host, { stages: chosen });
}

/** The machine for a build of PyTorch. */
export function machineOf(facts: Facts, env: Host["env"], isRocm: boolean): Machine {
  const cards = new Set(
    facts.gpus
      ?.filter(({ vendorId, kind }) => vendorId === "1002" && kind !== "integrated")
      .flatMap(({ gfx }) => (gfx ? [gfx] : [])),
  );
  return {
    isRocm,
    override: env.HSA_OVERRIDE_GFX_VERSION || undefined,
    gfx: cards.size === 1 ? [...cards][0] : undefined,
  };
}

/** What an override does to the risk of every experiment with PyTorch for ROCm. */
export function dangerOf({ isRocm, override, gfx }: Machine): {
  readonly risk: "usual" | "hang" | "refused";
  readonly why?: string;
} {
  if (!isRocm || override === undefined) return { risk: "usual" };
  const target = targetOfVersion(override);
  if (target === gfx || (target === "gfx1010" && /^gfx101[12]$/.test(gfx ?? ""))) {
    return { risk: "usual" };
  }
  const why = `HSA_OVERRIDE_GFX_VERSION=${override} makes the card run code for another one`;
  // Reported by users of RDNA1 cards: these two lock the GPU up or reset it at once.
  const isWorst =
    target !== undefined && /^gfx(?:9|11)/.test(target) && /^gfx10/.test(gfx ?? "gfx10");
  return { risk: isWorst ? "refused" : "hang", why };
}
