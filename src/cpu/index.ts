export * from "./ort.ts";
export * from "./ort-model.ts";
