import type { Facts, GpuFacts, TorchFacts } from "../doctor/facts.ts";
import { isIntegrated, isRdna1, isSameGeneration, targetOfVersion } from "./cards.ts";
import type { Clues } from "./clues.ts";

/** What a text shows as a whole, which patterns weigh: hits, values, card, override, machine. */
export interface Seen {
  /** Whether a sign of this pattern was found. */
  hit(id: string): boolean;
  /** The first value that a pattern's named group caught. */
  value(id: string, group: string): string | undefined;
  /** All values that a pattern's named group caught, in order, each once. */
  values(id: string, group: string): readonly string[];
  /** Whether a line of one pattern follows a line of another within 100 lines of a file. */
  isShortlyAfter(id: string, earlier: string): boolean;
  /** Whether some line gave this clue. */
  clue(id: keyof Clues["flags"]): boolean;
  /** The card's true target, where the text or the machine names exactly one card. */
  readonly card: string | undefined;
  /** Where `card` comes from. */
  readonly cardFrom: "machine" | "text" | undefined;
  /** Targets that software speaks of: databases, code objects, rocminfo. */
  readonly software: readonly string[];
  /** The target of messages: the card's, else the one that software names alone. */
  readonly target: string | undefined;
  /** HSA_OVERRIDE_GFX_VERSION as far as it is known to be set. */
  readonly override: Override | undefined;
  /** The machine sets it, and no line speaks of it. */
  readonly overrideIsOnlyOfMachine: boolean;
  /** A target that software takes the card for, though the card has another. */
  readonly disguise: string | undefined;
  /** Release of the Linux kernel: [6, 12]. */
  readonly kernel: readonly [number, number] | undefined;
  /** The local part of PyTorch's version: "rocm6.2", "cu121", "cpu". */
  readonly torchBuild: string | undefined;
  /** PyTorch of the machine that the text comes from. */
  readonly torch: TorchFacts | undefined;
  /** The card of the machine that the text comes from. */
  readonly gpu: GpuFacts | undefined;
  readonly facts: Facts | undefined;
}

export interface Override {
  readonly value: string;
  /** The target that it asks for: "gfx1030". */
  readonly target: string;
  /**
   * set: by a command or on the machine; mentioned: a line names it, perhaps as advice;
   * disputed: the text holds two values, or takes it back.
   */
  readonly how: "set" | "mentioned" | "disputed";
}

export interface Hits {
  has(id: string): boolean;
  values(id: string, group: string): readonly string[];
  isShortlyAfter(id: string, earlier: string): boolean;
}

/** Facts are left aside where the text is about another card than the machine has. */
export function factsFit(clues: Clues, facts: Facts | undefined): boolean {
  if (!facts?.gpus) return facts !== undefined;
  const here = facts.gpus.flatMap((gpu) => gpu.gfx ?? []);
  const said = [...clues.cards];
  return said.length === 0 || here.length === 0 || said.some((target) => here.includes(target));
}

/** Brings together what the lines and the machine tell. */
export function see(hits: Hits, clues: Clues, known: Facts | undefined): Seen {
  const facts = factsFit(clues, known) ? known : undefined;
  const gpu = cardOf(facts);
  const named = [...clues.cards].filter((target) => !isIntegrated(target));
  const fromText = named.length === 1 ? named[0] : undefined;
  const card = gpu?.gfx ?? fromText;
  const software = [...clues.software];
  const override = overrideOf(clues, facts);
  const lone = software.length === 1 && !override ? software[0] : undefined;
  return {
    hit: (id) => hits.has(id),
    value: (id, group) => hits.values(id, group)[0],
    values: (id, group) => hits.values(id, group),
    isShortlyAfter: (id, earlier) => hits.isShortlyAfter(id, earlier),
    clue: (id) => clues.flags[id] > 0,
    card,
    cardFrom: gpu?.gfx ? "machine" : card ? "text" : undefined,
    software,
    target: card ?? lone,
    override,
    overrideIsOnlyOfMachine:
      override !== undefined && clues.overridesSet.size + clues.overridesMentioned.size === 0,
    disguise: disguiseOf(card, software, override),
    kernel: kernelOf(facts?.kernel?.release ?? clues.kernel),
    torchBuild: clues.torchBuild,
    torch: facts?.torch?.find((torch) => torch.isActive) ?? only(facts?.torch),
    gpu,
    facts,
  };
}

/** The one AMD card of a machine, or its only AMD graphics. */
function cardOf(facts: Facts | undefined): GpuFacts | undefined {
  const amd = facts?.gpus?.filter((gpu) => gpu.vendorId === "1002") ?? [];
  return only(amd.filter((gpu) => gpu.kind === "discrete")) ?? only(amd);
}

function only<T>(items: readonly T[] | undefined): T | undefined {
  return items?.length === 1 ? items[0] : undefined;
}

function overrideOf(clues: Clues, facts: Facts | undefined): Override | undefined {
  const here = facts?.env?.HSA_OVERRIDE_GFX_VERSION;
  const said = [...new Set([...clues.overridesSet, ...clues.overridesMentioned])];
  const value = here ?? clues.overridesSet.values().next().value ?? said[0];
  const target = value === undefined ? undefined : targetOfVersion(value);
  if (value === undefined || !target) return undefined;
  if (here) return { value, target, how: "set" };
  if (said.length > 1 || clues.flags.overrideTakenBack > 0) {
    return { value, target, how: "disputed" };
  }
  return { value, target, how: clues.overridesSet.size > 0 ? "set" : "mentioned" };
}

/** Software that speaks of another generation than the card's has been told a false name. */
function disguiseOf(
  card: string | undefined,
  software: readonly string[],
  override: Override | undefined,
): string | undefined {
  if (!card || isIntegrated(card)) return undefined;
  const strange = software.filter((s) => !isSameGeneration(s, card) && !isIntegrated(s));
  // The card's own name beside the other: a list of what a library holds, not a disguise.
  if (software.some((s) => isSameGeneration(s, card))) return undefined;
  if (override) return strange.find((s) => isSameGeneration(s, override.target));
  return only(strange);
}

function kernelOf(release: string | undefined): readonly [number, number] | undefined {
  const match = /^(\d{1,2})\.(\d{1,3})/.exec(release ?? "");
  return match ? [Number(match[1]), Number(match[2])] : undefined;
}

/** Whether the machine's PyTorch holds code for the target; undefined where that is not known. */
export function holdsCode({ torch, target }: Seen): boolean | undefined {
  if (!torch || !target) return undefined;
  const answer = torch.loads?.find((load) => load.target === target)?.answer;
  if (answer === "yes" || answer === "no") return answer === "yes";
  if (!torch.targets && !torch.kpackTargets) return undefined;
  const held = [...(torch.targets ?? []), ...(torch.kpackTargets ?? [])];
  return held.includes(target) || (isRdna1(target) && held.includes("gfx10-1-generic"));
}

/** Whether a kernel is this release or a later one. */
export function isAtLeast(kernel: readonly [number, number], major: number, minor: number) {
  return kernel[0] > major || (kernel[0] === major && kernel[1] >= minor);
}
