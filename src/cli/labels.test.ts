import { describe, expect, test } from "vitest";
import { parseLabels } from "./labels.ts";

describe("labels", () => {
  test.each([
    ["lines", "circle\nsquare\n", ["circle", "square"]],
    ["lines from Windows, with a byte order mark", "\uFEFFa b\r\nc\r\n", ["a b", "c"]],
    ["an empty line keeps the numbers right", "a\n\nc", ["a", "", "c"]],
    ["terminal escapes", "\u001b[31mred\u001b[0m\u0007\nblue", ["red", "blue"]],
    ["a JSON list", '["a", "b"]', ["a", "b"]],
    ["a JSON map in any order", '{"1": "b", "0": "a"}', ["a", "b"]],
    ["a map of Keras", '{"0": ["n01", "tench"], "1": ["n02", "goldfish"]}', ["tench", "goldfish"]],
  ])("%s", (_, text, expected) => {
    expect(parseLabels(text, "labels")).toEqual(expected);
  });

  test.each([
    ["broken JSON", '["a", ', /not valid JSON/],
    ["numbers", "[1, 2]", /class 0 is not a text/],
    ["names as keys", '{"cat": "0"}', /key "cat" is not a class number/],
    ["a number left out", '{"0": "a", "2": "b"}', /key "2" is not a class number from 0 to 1/],
  ])("refuses %s", (_, text, message) => {
    expect(() => parseLabels(text, "labels")).toThrow(message);
  });
});
