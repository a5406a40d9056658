import { describe, expect, test } from "vitest";
import { fakeExperiment } from "../../test/trial/fake-experiment.ts";
import { convCase } from "./case.ts";
import type { Experiment } from "./experiment.ts";
import { isFailure, type Outcome, outcomes, type StepResult } from "./result.ts";
import { searchChanges, worthSearching } from "./search.ts";
import { switches } from "./switches.ts";

const conv = (id: string): Experiment => fakeExperiment(id, {}, { case: convCase() });
const onCard = { isRocm: true, override: undefined, gfx: "gfx1010" };
const suited = (experiment: Experiment) => switches.filter((one) => one.suits(experiment, onCard));

const result = (outcome: Outcome, detail = ""): StepResult => ({ outcome, detail, timeMs: 1 });

/** Runs a search in which each step ends as `endOf` says of its id. */
async function search(experiments: readonly Experiment[], endOf: (id: string) => StepResult) {
  const ran: string[] = [];
  const found = await searchChanges(experiments, suited, async ({ id }) => {
    ran.push(id);
    return endOf(id);
  });
  return { ...found, ran };
}

describe("a search for changes", () => {
  test("goes from the smallest change up, and stops at the first that helps", async () => {
    const { changes, ran } = await search([conv("a")], (id) =>
      result(id === "a+no-direct" ? "passed" : "error"),
    );
    const order = ["no-suggest-nhwc", "find-mode-fast", "no-winograd", "no-implicit-gemm"];
    expect(ran).toEqual([...order, "no-direct"].map((name) => `a+${name}`));
    expect(changes).toEqual([
      expect.objectContaining({
        switch: "no-direct",
        line: 'import os; os.environ["MIOPEN_DEBUG_CONV_DIRECT"] = "0"  # before: import torch',
      }),
    ]);
  });

  test("the largest change is PyTorch's own kernels", () => {
    expect(suited(conv("a")).at(-1)!.line).toBe("torch.backends.cudnn.enabled = False");
  });

  test("what was not tried is not said to be helpless", async () => {
    const experiments = Array.from({ length: 12 }, (_, i) => conv(`${i}`));
    const { changes, attempts } = await search(experiments, () => result("signal"));
    expect(attempts).toHaveLength(80);
    const each = suited(conv("a")).length;
    const done = Math.floor(80 / each);
    expect(changes.map(({ cutShort }) => cutShort !== undefined)).toEqual(
      experiments.map((_, i) => i >= done),
    );
    expect(changes.at(-1)!.cutShort).toBe("80 attempts were made in all");
  });

  test("a change that is not run for a reason of its own leaves the others", async () => {
    const { changes, attempts } = await search([conv("a"), conv("b")], (id) => {
      if (id === "a+no-winograd") return result("not-run", "it rebooted the machine");
      return result(id === "a+cudnn-off" ? "passed" : "error");
    });
    expect(changes[0]).toMatchObject({ switch: "cudnn-off" });
    expect(changes[1]).toEqual({ experiment: "b" });
    const ofA = attempts.filter(({ experiment }) => experiment === "a");
    expect(ofA.map((attempt) => attempt.switch)).not.toContain("no-winograd");
    const closed = await search([conv("a")], () => result("not-run", "3 steps hung"));
    expect(closed.changes).toEqual([{ experiment: "a", cutShort: "3 steps hung" }]);
    expect(closed.attempts).toEqual([]);
  });

  test("the user's stop ends it", async () => {
    const { ran } = await search([conv("a"), conv("b")], () => result("stopped"));
    expect(ran).toHaveLength(1);
  });
});

test("what hung is searched only where that risk is taken, what killed the machine never", () => {
  const all = outcomes.map((outcome) => conv(outcome));
  const results = new Map(outcomes.map((outcome) => [outcome as string, result(outcome)]));
  const ids = (mayHang: boolean) => worthSearching(all, results, mayHang).map(({ id }) => id);
  expect(ids(true).filter((id) => !ids(false).includes(id))).toEqual(["hang", "gpu-reset"]);
  const never = ["machine-died", "interrupted"];
  expect(ids(true)).toEqual(outcomes.filter((o) => isFailure(o) && !never.includes(o)));
});
