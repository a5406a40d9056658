export * from "./examine.ts";
export * from "./facts.ts";
export * from "./probes/index.ts";
export * from "./render-html.ts";
export * from "./report.ts";
export * from "./rule.ts";
export * from "./rules/index.ts";
export * from "./share.ts";
