export * from "./arm.ts";
export * from "./compare.ts";
export * from "./criteria.ts";
export * from "./kept.ts";
export * from "./plan.ts";
export * from "./run-validation.ts";
