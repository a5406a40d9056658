export * from "./gpu.ts";
export * from "./open.ts";
export * from "./run-program.ts";
