import { expect, test } from "vitest";
import { someTuning, tuningsFor } from "../../test/tunings.ts";
import { checkTunings, parseTunings } from "./format.ts";

const good = tuningsFor("card", "driver", someTuning("p"));
const withTuning = (more: object) =>
  tuningsFor("card", "driver", { ...someTuning("p"), ...more } as never);

test("what is written is read", () => {
  expect(parseTunings(JSON.stringify(good), "t.json")).toEqual(good);
});

test.each([
  ["no JSON", "{", "t.json holds no tunings: it is no JSON"],
  ["another format", JSON.stringify({ ...good, format: "x" }), "at format"],
  ["a later version", JSON.stringify({ ...good, version: 2 }), "at version"],
  ["a list", "[]", "expected object"],
])("%s is refused", (_, text, message) => {
  expect(() => parseTunings(text, "t.json")).toThrow(message);
});

test.each([
  ["kernel", { kernel: 5 }],
  ["config.tileM", { config: { tileM: [64] } }],
  ["wgsl", { wgsl: "not a hash" }],
  ["timeMs", { timeMs: -1 }],
  ["tunedAt", { tunedAt: "yesterday" }],
])("a wrong %s is named", (where, more) => {
  expect(() => checkTunings(withTuning(more), "it")).toThrow(`devices.0.tunings.0.${where}`);
});

test("fields that are not known are refused", () => {
  expect(() => checkTunings(withTuning({ script: "x" }), "it")).toThrow("script");
});
