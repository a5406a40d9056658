export { type Conv2dOptions, closeDevices, conv2d } from "./conv2d.ts";
export { type OpenDevice, openDevice } from "./device.ts";
export { DeviceTensor } from "./device-tensor.ts";
export type { Feeds } from "./feeds.ts";
export type { Model } from "./load.ts";
export { Session } from "./session.ts";
export type * from "./types.ts";
