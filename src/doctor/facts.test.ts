import { describe, expect, test } from "vitest";
import { parseFacts } from "./facts.ts";

describe("facts from JSON", () => {
  test("a machine of which nothing is known", () => {
    expect(parseFacts('{"version": 1}', "none.json")).toEqual({ version: 1 });
  });

  test("inside a report", () => {
    const report = { version: 1, facts: { version: 1, gpus: [] }, findings: [] };
    expect(parseFacts(JSON.stringify(report), "r.json")).toEqual({ version: 1, gpus: [] });
  });

  test.each([
    ["{", /are no JSON/],
    ['{"version": 2}', /version: .*expected 1/],
    ['{"version": 1, "gpu": []}', /Unrecognized key: "gpu"/],
    ['{"version": 1, "gpus": [{"gfx": 1010}]}', /gpus\.0\.gfx: .*expected string/],
    ['{"version": 1, "gpus": [{"vramBytes": -1}]}', /gpus\.0\.vramBytes/],
  ])("%s is refused", (json, message) => {
    expect(() => parseFacts(json, "f.json")).toThrow(message);
  });
});
