export * from "./adapters.ts";
export * from "./bound-program.ts";
export * from "./environment.ts";
export * from "./gpu.ts";
export * from "./open.ts";
export * from "./program-memory.ts";
export * from "./run-program.ts";
