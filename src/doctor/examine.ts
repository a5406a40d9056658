import { messageOf } from "../errors.ts";
import type { Host } from "../host/index.ts";
import { type Facts, factsSchema, type GpuFacts, type Unknown } from "./facts.ts";
import { identified } from "./identity.ts";
import { type Findings, type Probe, stages } from "./probes/index.ts";

export interface ExamineOptions {
  /** Probes to run, in stages; all of them by default. */
  readonly stages?: readonly (readonly Probe[])[];
  /** Called when a probe ends, with what those look at that still run. */
  readonly onProgress?: (running: readonly string[]) => void;
}

/**
 * Learns all facts of a machine, within some seconds. A probe that fails or takes too long leaves
 * its facts unknown, with the reason and what to type instead; it stops no other. Never throws.
 *
 * @example
 * const facts = await examine(machineHost());
 * facts.gpus?.[0]?.gfx; // "gfx1010"
 */
export async function examine(host: Host, options: ExamineOptions = {}): Promise<Facts> {
  let facts: Facts = { version: 1 };
  for (const stage of options.stages ?? stages) {
    const probes = stage.filter((p) => p.systems?.includes(host.platform) ?? true);
    const running = new Set(probes.map((probe) => probe.what));
    const found = await Promise.all(
      probes.map(async (probe) => {
        const findings = await learned(probe, host, facts);
        running.delete(probe.what);
        options.onProgress?.([...running]);
        return findings;
      }),
    );
    facts = found.reduce<Facts>(merge, facts);
    if (facts.gpus) facts = { ...facts, gpus: facts.gpus.map(identified) };
  }
  return inOrder(facts);
}

/** The order of documents, not that in which probes came to an end. */
function inOrder(facts: Facts): Facts {
  const keys = Object.keys(factsSchema.shape);
  const entries = Object.entries(facts).sort(([a], [b]) => keys.indexOf(a) - keys.indexOf(b));
  return Object.fromEntries(entries) as Facts;
}

/** What a probe learns, or that it learned nothing and why. */
async function learned(probe: Probe, host: Host, known: Findings): Promise<Findings> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const seconds = probe.timeoutMs / 1000;
    timer = setTimeout(() => reject(new Error(`no answer in ${seconds} s`)), probe.timeoutMs);
  });
  try {
    return await Promise.race([probe.learn(host, known), timeout]);
  } catch (error) {
    const unknown: Unknown = {
      probe: probe.name,
      reason: messageOf(error).split("\n")[0]!,
      ...(probe.byHand && { command: probe.byHand }),
    };
    return { unknown: [unknown] };
  } finally {
    clearTimeout(timer);
  }
}

/** Facts with further ones: those of a GPU join it by its address, other lists grow. */
export function merge(facts: Facts, further: Findings): Facts {
  const { gpus, unknown, ...rest } = further;
  return {
    ...facts,
    ...rest,
    ...(gpus && { gpus: mergeGpus(facts.gpus ?? [], gpus) }),
    ...(unknown && { unknown: [...(facts.unknown ?? []), ...unknown] }),
  };
}

function mergeGpus(gpus: readonly GpuFacts[], further: readonly GpuFacts[]): GpuFacts[] {
  const merged = [...gpus];
  for (const gpu of further) {
    const at = merged.findIndex(
      (g) => g.pciAddress !== undefined && g.pciAddress === gpu.pciAddress,
    );
    if (at < 0) merged.push(gpu);
    else {
      const pcie = { ...merged[at]!.pcie, ...gpu.pcie };
      merged[at] = { ...merged[at], ...gpu, ...(Object.keys(pcie).length > 0 && { pcie }) };
    }
  }
  return merged;
}
