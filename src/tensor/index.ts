export * from "./dtype.ts";
export * from "./float16.ts";
export * from "./shape.ts";
export * from "./tensor.ts";
