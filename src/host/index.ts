export * from "./files.ts";
export * from "./host.ts";
export * from "./look.ts";
export * from "./near.ts";
export * from "./process.ts";
export * from "./record.ts";
export * from "./stream.ts";
