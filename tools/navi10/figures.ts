import { shaderKey } from "../../src/predict/shader-key.ts";
import type { Compiled } from "./compile.ts";
import {
  clocksOf,
  type Instruction,
  loadWaitsOf,
  loopsOf,
  mixOf,
  parseAssembly,
} from "./machine-code.ts";
import type { Variant } from "./variants.ts";

/** What the tool tells of a shader. All of one wave, on gfx1010. */
export interface Figures {
  readonly wave: number;
  readonly registers: number;
  readonly spills: number;
  readonly scratchBytes: number;
  readonly sharedBytes: number;
  readonly wavesPerSimd: number;
  readonly codeBytes: number;
  /** The loop with the most multiplications; the whole program where no loop has any. */
  readonly hot: HotCode;
  /** Clocks of the vector unit for the whole program, with loops counted once. */
  readonly programClocks: number;
}

export interface HotCode {
  readonly isLoop: boolean;
  /** Multiplications with addition; those of them that work on two float16 at a time. */
  readonly fma: number;
  readonly packed: number;
  /** Instructions of the vector and scalar units. */
  readonly vector: number;
  readonly scalar: number;
  /** Instructions for workgroup memory and for memory. */
  readonly shared: number;
  readonly memory: number;
  readonly barriers: number;
  /** Multiplications of all vector instructions, from 0 to 1. */
  readonly fmaShare: number;
  /** Packed multiplications of all vector instructions, from 0 to 1. */
  readonly packedShare: number;
  /** Clocks of the vector unit, and of the SIMD's share of workgroup memory. */
  readonly vectorClocks: number;
  readonly sharedClocks: number;
  /** Clocks of multiplication of the clocks that the busier of the two units takes: 0 to 1. */
  readonly issueBound: number;
  /** Waits for loads that nothing covers, and the least cover in clocks (machine-code.ts). */
  readonly exposedWaits: number;
  readonly loadCover: number;
}

const round = (value: number, digits = 3): number => Number(value.toFixed(digits));

/** Reads the figures of a shader out of what the compiler made of it. */
export function figuresOf(compiled: Compiled): Figures {
  const { assembly, ...statistics } = compiled;
  const blocks = parseAssembly(assembly);
  const program = blocks.flatMap((block) => block.instructions);
  const loops = loopsOf(blocks).filter((loop) => mixOf(loop).fma > 0);
  const byFma = [...loops].sort((a, b) => mixOf(b).fma - mixOf(a).fma);
  return {
    ...statistics,
    hot: hotCode(byFma[0] ?? program, byFma.length > 0, compiled.wave),
    programClocks: clocksOf(program, compiled.wave).vector,
  };
}

function hotCode(code: readonly Instruction[], isLoop: boolean, wave: number): HotCode {
  const mix = mixOf(code);
  const clocks = clocksOf(code, wave);
  const waits = loadWaitsOf(code, wave);
  const share = (count: number, of: number) => (of === 0 ? 0 : round(count / of));
  return {
    isLoop,
    fma: mix.fma,
    packed: mix.packed,
    vector: mix.vector,
    scalar: mix.scalar,
    shared: mix.shared,
    memory: mix.memory,
    barriers: mix.barriers,
    fmaShare: share(mix.fma, mix.vector),
    packedShare: share(mix.packed, mix.vector),
    vectorClocks: clocks.vector,
    sharedClocks: clocks.shared,
    issueBound: share(clocks.fma, Math.max(clocks.vector, clocks.shared)),
    exposedWaits: isLoop ? waits.exposed : 0,
    loadCover: isLoop ? waits.cover : 0,
  };
}

/** A shader's figures with what it is. */
export interface Row extends Figures {
  /** As `shaderKey` gives it: one row for all that agree in it. */
  readonly key: string;
  readonly kernel: string;
  readonly label: string;
  readonly precision: string;
  /** The layer whose figures these are, of several the worst. */
  readonly layer: string;
  readonly chosen: boolean;
}

export function rowOf(variant: Variant, figures: Figures): Row {
  const { kernel, label, precision, layer, chosen } = variant;
  return { key: shaderKey(variant), kernel, label, precision, layer, chosen, ...figures };
}

/**
 * One row for each key: the worst, judged by spills, waves, then issue bound, with the most waits
 * of any.
 */
export function worstOfEach(rows: readonly Row[]): Row[] {
  const badness = (r: Row) => [r.spills + r.scratchBytes, -r.wavesPerSimd, -r.hot.issueBound];
  const worst = new Map<string, Row>();
  for (const row of rows) {
    const known = worst.get(row.key);
    const isWorse = !known || compare(badness(row), badness(known)) > 0;
    const chosen = row.chosen || (known?.chosen ?? false);
    const { hot, ...rest } = isWorse ? row : known;
    const exposedWaits = Math.max(row.hot.exposedWaits, known?.hot.exposedWaits ?? 0);
    worst.set(row.key, { ...rest, hot: { ...hot, exposedWaits }, chosen });
  }
  return [...worst.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : a[at]! - b[at]!;
}
