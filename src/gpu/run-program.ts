import type { Program } from "../kernels/kernel.ts";
import type { Tensor } from "../tensor/index.ts";
import { BoundProgram } from "./bound-program.ts";
import type { Gpu } from "./gpu.ts";
import type { ProgramData } from "./program-memory.ts";

/** Runs one program once, by itself, and reads its outputs back. See `BoundProgram`. */
export async function runProgram(gpu: Gpu, program: Program, data: ProgramData): Promise<Tensor[]> {
  const bound = await BoundProgram.bind(gpu, program, data);
  try {
    return await bound.run();
  } finally {
    bound.destroy();
  }
}
