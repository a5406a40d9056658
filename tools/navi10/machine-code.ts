/** An instruction as the disassembler prints it. */
export interface Instruction {
  /** Without the suffix that tells encodings apart: "v_mac_f32", "ds_read_b128". */
  readonly op: string;
  readonly args: string;
}

/** A piece of code that is entered at its top only. */
interface Block {
  readonly name: string;
  readonly instructions: Instruction[];
}

/** Reads the disassembly that RADV gives (LLVM's spelling), block by block. */
export function parseAssembly(text: string): readonly Block[] {
  const blocks: Block[] = [{ name: "", instructions: [] }];
  for (const line of text.split("\n")) {
    const current = blocks.at(-1)!.instructions;
    const label = /^(BB\d+):/.exec(line);
    const repeated = /repeated (\d+) times/.exec(line);
    const code = /^\s+([a-z]\w+)\s*(.*?)\s*(?:;.*)?$/.exec(line);
    if (label) blocks.push({ name: label[1]!, instructions: [] });
    else if (repeated) current.push(...Array(Number(repeated[1])).fill(current.at(-1)!));
    else if (code) current.push({ op: code[1]!.replace(/_e(32|64)$/, ""), args: code[2]! });
  }
  return blocks;
}

/** The instructions of every loop: from a block that is branched back to, to the last branch. */
export function loopsOf(blocks: readonly Block[]): readonly (readonly Instruction[])[] {
  const place = new Map(blocks.map(({ name }, i) => [name, i]));
  const ends = new Map<number, number>();
  blocks.forEach(({ instructions }, i) => {
    for (const { op, args } of instructions) {
      if (!/^s_c?branch/.test(op)) continue;
      const target = place.get(args.split(/\s/)[0]!);
      if (target !== undefined && target <= i) ends.set(target, i);
    }
  });
  return [...ends].map(([from, to]) =>
    blocks.slice(from, to + 1).flatMap((block) => block.instructions),
  );
}

/** How many instructions of each kind there are. */
export interface Mix {
  /** Multiplications with addition on vectors of lanes; `packed` are those of two float16. */
  readonly fma: number;
  readonly packed: number;
  /** All instructions of the vector units, the multiplications among them. */
  readonly vector: number;
  readonly scalar: number;
  /** Loads and stores of workgroup memory, of memory, and of memory by the scalar unit. */
  readonly shared: number;
  readonly memory: number;
  readonly scalarMemory: number;
  readonly waits: number;
  readonly barriers: number;
  readonly total: number;
}

const isFma = ({ op }: Instruction) => /^v_(pk_)?(fma|fmac|mac|mad)_(f|mix)/.test(op);
const isPacked = ({ op }: Instruction) => /^v_pk_/.test(op);
const isVector = ({ op }: Instruction) => /^v_/.test(op);
const isWait = ({ op }: Instruction) => /^s_(waitcnt|nop|clause|inst_prefetch|depctr)/.test(op);
const isScalarMemory = ({ op }: Instruction) => /^s_(buffer_)?(load|store)/.test(op);

export function mixOf(code: readonly Instruction[]): Mix {
  const count = (test: (i: Instruction) => boolean) => code.filter(test).length;
  const barriers = count(({ op }) => op === "s_barrier");
  const scalar = count((i) => /^s_/.test(i.op) && !isWait(i) && !isScalarMemory(i));
  return {
    fma: count(isFma),
    packed: count((i) => isFma(i) && isPacked(i)),
    vector: count(isVector),
    scalar: scalar - barriers,
    shared: count(({ op }) => /^ds_/.test(op)),
    memory: count(({ op }) => /^(buffer|global|flat|scratch|image)_/.test(op)),
    scalarMemory: count(isScalarMemory),
    waits: count(isWait),
    barriers,
    total: code.length,
  };
}

/** How long the code keeps a SIMD's units busy, in clocks for one wave. */
export interface Clocks {
  readonly fma: number;
  readonly vector: number;
  readonly shared: number;
}

/**
 * Clocks that instructions keep a SIMD's vector unit and its share of workgroup memory busy, for
 * one wave. A SIMD has 32 lanes, so a wave of 64 takes two clocks; transcendental functions and
 * products of 32-bit integers run at a quarter of the rate. Workgroup memory moves 128 bytes a
 * clock for two SIMDs (AMD, "RDNA architecture" white paper, 2019); bank conflicts are left out.
 */
export function clocksOf(code: readonly Instruction[], wave: number): Clocks {
  const clocks = { fma: 0, vector: 0, shared: 0 };
  for (const instruction of code) {
    if (isVector(instruction)) {
      const each = (isSlow(instruction) ? 4 : 1) * (wave / 32);
      clocks.vector += each;
      if (isFma(instruction)) clocks.fma += each;
    }
    clocks.shared += (2 * sharedBytes(instruction) * wave) / 128;
  }
  return clocks;
}

const isSlow = ({ op }: Instruction) =>
  /^v_(mul_(lo|hi)|mad_[iu]64|rcp|rsq|sqrt|exp|log|sin|cos)/.test(op);

/** Bytes of workgroup memory that a lane moves: 16 for ds_read_b128 and for ds_read2_b64. */
function sharedBytes({ op }: Instruction): number {
  const match = /^ds_(?:read|write)(2)?(?:st64)?_[biu](\d+)/.exec(op);
  return match ? (Number(match[2]) / 8) * (match[1] ? 2 : 1) : 0;
}

/** How the loads from memory in a loop are waited for. */
export interface LoadWaits {
  /** Waits for loads that were issued fewer than `coveredClocks` before: nothing hides those. */
  readonly exposed: number;
  /** Clocks of one wave's own work between a load and the first wait for it, at the least. */
  readonly cover: number;
}

/** About a third of what a load takes that misses the nearest cache. */
const coveredClocks = 100;

/**
 * Follows the loads of a loop around it. A wait names how many of the newest loads may still be
 * under way (`vmcnt`); loads come back in order.
 */
export function loadWaitsOf(loop: readonly Instruction[], wave: number): LoadWaits {
  let clock = 0;
  let exposed = 0;
  let cover = Number.POSITIVE_INFINITY;
  let pending: number[] = [];
  for (const round of [1, 2]) {
    for (const instruction of loop) {
      clock += isVector(instruction) ? wave / 32 : 1;
      if (/^(buffer|global|flat)_load/.test(instruction.op)) pending.push(clock);
      const newest = /vmcnt\((\d+)\)/.exec(instruction.args);
      if (instruction.op !== "s_waitcnt" || !newest) continue;
      const done = pending.slice(0, Math.max(0, pending.length - Number(newest[1])));
      pending = pending.slice(done.length);
      // The first time around, the loop's own loads are not under way yet.
      if (round === 1 || done.length === 0) continue;
      const least = clock - done.at(-1)!;
      cover = Math.min(cover, least);
      if (least < coveredClocks) exposed++;
    }
  }
  return { exposed, cover: Number.isFinite(cover) ? cover : 0 };
}
