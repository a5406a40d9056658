import type { Config } from "../kernels/kernel.ts";
import type { Code } from "./dispatch-time.ts";
import stored from "./figures.json" with { type: "json" };
import type { Machine } from "./machine.ts";
import { isTile, type ShaderIdentity, shaderKey } from "./shader-key.ts";

/** Figures of a shader as Mesa's compiler made it for gfx1010; `npm run navi10` stores them. */
export interface StoredFigures {
  readonly wave: number;
  readonly registers: number;
  readonly wavesPerSimd: number;
  readonly sharedBytes: number;
  readonly isLoop: boolean;
  /** Multiplications in an iteration of the hot loop, and how many of them are of two float16. */
  readonly fma: number;
  readonly packed: number;
  readonly fmaShare: number;
  readonly packedShare: number;
  readonly issueBound: number;
  readonly exposedWaits: number;
  /** Clocks of a SIMD for one wave: of an iteration, and of the whole program. */
  readonly vectorClocks: number;
  readonly sharedClocks: number;
  readonly programClocks: number;
}

/** A shader's code as the model needs it. */
export interface CompiledShader {
  readonly code: Code;
  readonly wave: number;
  readonly wavesPerSimd: number;
  readonly sharedBytes: number;
  /** Clocks of multiplication of the clocks that an iteration takes, 0 to 1; 0 without a loop. */
  readonly issueRate: number;
  /** Multiplications of a lane in an iteration; 0 where the program has no hot loop. */
  readonly multiplications: number;
  /** Estimated from the tile, not read out of compiled code. */
  readonly estimated: boolean;
}

const figures = stored as unknown as Readonly<Record<string, StoredFigures>>;

/**
 * The stored figures of a shader, else an estimate from its tile. Other GPUs than RDNA1 have
 * estimates for tiles, and gfx1010's figures for want of better for the rest.
 */
export function compiledShader(shader: ShaderIdentity, machine: Machine): CompiledShader {
  const { config, dispatch } = shader;
  const found = figures[shaderKey(shader)];
  if (found && (machine.isRdna1 || !isTile(dispatch))) return fromFigures(found);
  return isTile(dispatch) ? estimatedTile(config, machine) : unknownShader;
}

function fromFigures(f: StoredFigures): CompiledShader {
  return {
    code: {
      vectorClocks: f.isLoop ? f.vectorClocks : 0,
      sharedClocks: f.isLoop ? f.sharedClocks : 0,
      exposedWaits: f.exposedWaits,
      outsideClocks: f.programClocks - (f.isLoop ? f.vectorClocks : 0),
    },
    wave: f.wave,
    wavesPerSimd: f.wavesPerSimd,
    sharedBytes: f.sharedBytes,
    issueRate: f.isLoop ? f.issueBound : 0,
    multiplications: f.isLoop ? f.fma + f.packed : 0,
    estimated: false,
  };
}

/** Vector instructions of a shader before and after its loop, if that is not known: a guess. */
const straightClocks = 400;

const noLoop = { vectorClocks: 0, sharedClocks: 0, exposedWaits: 0 };

/** A shader of which nothing is known: it moves data. */
export const unknownShader: CompiledShader = {
  code: { ...noLoop, outsideClocks: straightClocks },
  wave: 32,
  wavesPerSimd: 20,
  sharedBytes: 0,
  issueRate: 0,
  multiplications: 0,
  estimated: true,
};

/**
 * A tile that was not compiled: what a multiplication costs in loads from workgroup memory is known
 * from its shape; registers are its sums, what they are made of, and addresses.
 */
export function estimatedTile(config: Config, machine: Machine): CompiledShader {
  const { rows, cols, depth, tileM, tileN } = config as Readonly<
    Record<"rows" | "cols" | "depth" | "tileM" | "tileN", number>
  >;
  const multiplications = rows * cols * depth;
  const registers = rows * cols + 3 * (rows + cols) + 56;
  const vectorClocks = multiplications * (1 + machine.tileOverhead * (1 / rows + 1 / cols));
  const sharedClocks = 2 * (rows + cols) * depth;
  return {
    code: { vectorClocks, sharedClocks, exposedWaits: 0, outsideClocks: straightClocks },
    wave: 32,
    wavesPerSimd: Math.max(1, Math.floor(1024 / registers)),
    sharedBytes: 4 * depth * (tileM + tileN),
    issueRate: multiplications / Math.max(vectorClocks, sharedClocks),
    multiplications,
    estimated: true,
  };
}
