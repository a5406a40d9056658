export * from "./host.ts";
export * from "./near.ts";
