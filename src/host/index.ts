export * from "./files.ts";
export * from "./host.ts";
export * from "./near.ts";
