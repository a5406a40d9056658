export * from "./inspect.ts";
export * from "./report.ts";
export * from "./summary.ts";
export { parseTarget } from "./targets.ts";
export * from "./would-load.ts";
