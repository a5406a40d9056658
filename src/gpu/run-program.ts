import type { Program } from "../kernels/kernel.ts";
import type { Tensor } from "../tensor/index.ts";
import { BoundProgram, type ProgramData } from "./bound-program.ts";
import type { Gpu } from "./gpu.ts";

/** Runs one program once, by itself, and reads its outputs back. See `BoundProgram`. */
export async function runProgram(gpu: Gpu, program: Program, data: ProgramData): Promise<Tensor[]> {
  const bound = await BoundProgram.bind(gpu, program, data);
  try {
    return await bound.run();
  } finally {
    bound.destroy();
  }
}
