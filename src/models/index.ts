import { densenet } from "./densenet.ts";
import { efficientnet } from "./efficientnet.ts";
import { espcn } from "./espcn.ts";
import { googlenet } from "./googlenet.ts";
import { mobilenets } from "./mobilenet.ts";
import type { Model } from "./model.ts";
import { resnets } from "./resnet.ts";
import { squeezenet } from "./squeezenet.ts";
import { unet } from "./unet.ts";
import { vggs } from "./vgg.ts";

export type { Model, ModelOptions } from "./model.ts";

const all = [
  ...resnets,
  ...vggs,
  ...mobilenets,
  squeezenet,
  googlenet,
  densenet,
  efficientnet,
  unet,
  espcn,
];

/** The architectures by name: "resnet50", "mobilenet_v2". */
export const models: ReadonlyMap<string, Model> = new Map(all.map((model) => [model.name, model]));
