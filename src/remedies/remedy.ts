import type { Bindings, Condition, View } from "../doctor/condition.ts";
import type { Facts } from "../doctor/facts.ts";
import type { Certainty, Source } from "../doctor/rule.ts";
import type { Host } from "../host/index.ts";
import type { Plan } from "./step.ts";

/*
 * The contract of remedies: what the catalogue holds, and all that ranking, `fix` and `undo` know
 * of a way out.
 */

export const wants = ["train", "infer", "comfyui", "llm"] as const;
/** What the user wants to do with the card. */
export type Want = (typeof wants)[number];

export const services = ["well", "slowly", "partly", "no"] as const;
/**
 * How a remedy serves a want: `well` as a supported card would, `slowly` all of it but far below
 * what the card can, `partly` some of it.
 */
export type Service = (typeof services)[number];

/** What it takes, before it is done. Estimates: ranges say how sure they are. */
export interface Cost {
  /** On a usual desktop, least and most. */
  readonly minutes: readonly [number, number];
  readonly downloadBytes: number;
  /** What stays on the disk, and the most that is in use on the way. */
  readonly diskBytes: number;
  readonly diskBytesMax?: number;
  readonly memoryBytes?: number;
  readonly root: boolean;
  readonly restart?: boolean;
}

/** A choice that the user has: `--set NAME=VALUE`. */
export interface RemedyOption {
  readonly name: string;
  readonly meaning: string;
  readonly otherwise: string;
  /** All that may be chosen; absent: any text. */
  readonly values?: readonly string[];
}

/** A clause that has to hold for a remedy, judged on facts. */
export interface Requirement {
  readonly when: Condition;
  /** Why it is not possible where this is a "no"; may hold facts: "{card.gfx} has no code". */
  readonly otherwise: string;
}

/** What a plan is made from. */
export interface Situation {
  readonly facts: Facts;
  /** The card that is meant, and the PyTorch that is named or fares best. */
  readonly at: Bindings;
  /** To look at files; planning changes nothing. */
  readonly host: Host;
  readonly home: string;
  readonly options: Readonly<Record<string, string>>;
}

export interface Remedy {
  /** Words joined by hyphens, never changed. */
  readonly id: string;
  readonly title: string;
  /**
   * `way`: a way to compute; one is recommended. `clean-up`: takes away what is in the way, and
   * comes before any way. `expert`: done when asked for by name alone.
   */
  readonly kind: "way" | "clean-up" | "expert";
  /**
   * What has to work below it: findings of the doctor about ROCm's kernel interface stand in the
   * way of "rocm" alone.
   */
  readonly standsOn: "rocm" | "vulkan" | "cpu" | "nothing";
  /** A clause: what the user has afterwards. */
  readonly gives: string;
  /** Wants that are not listed are not served. Empty for clean-ups. */
  readonly serves: Readonly<Partial<Record<Want, Service>>>;
  /** Whether 16-bit floats compute right on it. */
  readonly fp16: "yes" | "no" | "unknown";
  readonly certainty: Certainty;
  /** What is established, by whom, on what: one sentence, never more than the sources say. */
  readonly evidence: string;
  readonly sources: readonly [Source, ...Source[]];
  /** All must hold. For a clean-up: that there is something to clean up. */
  readonly requires: readonly Requirement[];
  readonly cost: (view: View) => Cost;
  /** Sentences: what is different on the machine afterwards. */
  readonly changes: readonly string[];
  /** Sentences: what can go wrong. */
  readonly risks: readonly string[];
  readonly options?: readonly RemedyOption[];
  /**
   * The steps for this machine. Looks, through `situation.host`, and changes nothing. Absent: there
   * is nothing that a program could do (to buy another card); `byHand` then says what to do.
   * Throws "usage" for options that do not fit, "remedy-impossible" where something is against it.
   */
  readonly plan?: (situation: Situation) => Promise<Omit<Plan, "remedy" | "options">>;
  readonly byHand?: readonly string[];
  /** For the verification "facts": what has to be so on the machine as it is then. */
  readonly cured?: Condition;
}
