import { afterAll, beforeAll, expect, test } from "vitest";
import { expectClose } from "../../test/cases.ts";
import { randomFeeds } from "../../test/graphs.ts";
import { randomJoins } from "../../test/random-joins.ts";
import { type Gpu, openGpu } from "../gpu/index.ts";
import { evaluateGraph } from "../passes/index.ts";
import { Session } from "./session.ts";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu({ kind: "software" });
});
afterAll(() => gpu.destroy());

const summary = { kind: "software", name: "test", backend: "webgpu", reason: "test" } as const;

test("networks full of joins compute what the references compute", async () => {
  for (let seed = 0; seed < 25; seed++) {
    const graph = randomJoins(seed);
    const feeds = randomFeeds(graph);
    const expected = evaluateGraph(graph, feeds);
    const session = await Session.on({ gpu, summary }, graph, {}, { keepOpen: true });
    // Twice: what the first run leaves in memory must not matter.
    await session.run(Object.fromEntries(randomFeeds(graph, 4)));
    const actual = await session.run(Object.fromEntries(feeds));
    for (const [name, t] of expected) expectClose(actual[name]!, t, 1e-5, `seed ${seed}, ${name}`);
    await session.dispose();
  }
  expect.hasAssertions();
});
