export type { Context, Explanation, Finding, Verdict } from "./diagnose.ts";
export * from "./explain.ts";
export type { Certainty, Pattern, Role, Source, Step } from "./pattern.ts";
export { patterns } from "./patterns/index.ts";
