export * from "./bind-dimensions.ts";
export * from "./evaluate-graph.ts";
export * from "./optimize.ts";
export * from "./resolve.ts";
export * from "./support.ts";
