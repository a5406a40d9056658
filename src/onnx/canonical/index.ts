import { cast } from "./cast.ts";
import { clip } from "./clip.ts";
import { constant } from "./constant.ts";
import { batchNormalization, dropout, groupNormalization } from "./inference.ts";
import { movedAttributeRules } from "./moved-attributes.ts";
import { resize, upsample } from "./resize.ts";
import type { Rule } from "./rule.ts";
import { softmax } from "./softmax.ts";

/** The operators whose form depends on the opset, or that have a simpler one. */
export const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...movedAttributeRules,
  ["BatchNormalization", batchNormalization],
  ["Cast", cast],
  ["Clip", clip],
  ["Constant", constant],
  ["Dropout", dropout],
  ["GroupNormalization", groupNormalization],
  ["Hardmax", softmax],
  ["LogSoftmax", softmax],
  ["Resize", resize],
  ["Softmax", softmax],
  ["Upsample", upsample],
]);
