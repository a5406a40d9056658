import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { command, temporaryFolder } from "../../test/command.ts";

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterAll(() => remove());

const run = (...args: string[]) =>
  command(folder, ["bench", "model", "squeezenet1_1", "--size", "64", ...args]);

describe("rekindle bench model --predict", () => {
  test("needs no GPU, and says that nothing was measured", async () => {
    const { code, out } = await run("--predict", "RX 5600 XT", "--batch", "1,8");
    expect(code).toBe(0);
    expect(out).toContain("Predicted for an AMD Radeon RX 5600 XT: nothing was measured");
    expect(out).toMatch(/^squeezenet1_1 +1 .*x +\d+$/m);
    expect(out).toMatch(/^squeezenet1_1 +8 /m);
    expect(out).toContain("the 8 layers that take the most");
    expect(out).toContain("docs/performance-model.md");
  });

  test("shows every layer when asked, and writes JSON that says what it is", async () => {
    const { out } = await run("--predict", "rx 5700 xt", "--layers", "--json", "p.json");
    expect(out).toContain("layer by layer");
    const report = JSON.parse(await readFile(join(folder, "p.json"), "utf8"));
    expect(report).toMatchObject({ kind: "prediction", card: { name: "RX 5700 XT" } });
    const [model] = report.models;
    expect(model.predictedMs).toBeGreaterThan(model.boundMs);
    expect(out.match(/x\d+ {2,}\w/g)!.length).toBeGreaterThanOrEqual(model.layers.length);
  });

  test("refuses cards that it does not know, and what is measured only", async () => {
    const unknown = await run("--predict", "RX 9999");
    expect(unknown.code).toBe(2);
    expect(unknown.err).toContain('"RX 5600 XT"');
    const baseline = await run("--predict", "RX 5700", "--against", "ort-cpu");
    expect(baseline.err).toContain("--predict does not go with --against");
    const { code, err } = await command(folder, ["bench", "conv", "--predict", "RX 5700"]);
    expect([code, err.includes("--predict is for networks")]).toEqual([2, true]);
  });
});
