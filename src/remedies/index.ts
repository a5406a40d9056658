export * from "./catalog/index.ts";
export * from "./remedy.ts";
export * from "./step.ts";
