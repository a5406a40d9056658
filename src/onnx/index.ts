// file.ts, which needs Node, is imported by itself: the rest runs in browsers too.
export type { ReadExternal } from "./external.ts";
export { type ReadOptions, readOnnx } from "./read.ts";
export { type Unsupported, unsupportedError, unsupportedNodes } from "./unsupported.ts";
export { writeOnnx } from "./write.ts";
