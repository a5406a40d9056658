import { expect, test } from "vitest";
// @ts-expect-error: a script without types.
import { count, resultsOf, troubleOf } from "../scripts/results.mjs";

type Outcome = "passed" | "failed" | "skipped";
type Tests = Readonly<Record<string, Outcome>>;

/** Runs whose tests end as told, one run after the other; a test's name begins with its file. */
function runsOf(...runs: readonly Tests[]) {
  const asked: string[][] = [];
  const once = async (only: string[]) => {
    const tests = runs[asked.length]!;
    asked.push(only);
    const files = new Map();
    for (const [name, outcome] of Object.entries(tests)) {
      count(files, name.split(" ")[0]!, outcome, name);
    }
    return { files, trouble: troubleOf(files, "tests", 0) as string | undefined };
  };
  return { asked, once };
}

const first: Tests = { "a 1": "passed", "a 2": "failed", "b 1": "passed", "c 1": "skipped" };

test("what passes when its file is run again alone is unsteady, and counts as passed", async () => {
  const { asked, once } = runsOf(first, { "a 1": "passed", "a 2": "passed" });
  expect(await resultsOf(once, true)).toEqual({
    passed: 3,
    skipped: 1,
    failures: [],
    unsteady: ["a 2"],
  });
  expect(asked).toEqual([[], ["a"]]);
});

test.each<[string, Tests, string[]]>([
  ["fails again", { "a 1": "passed", "a 2": "failed" }, ["a 2"]],
  ["fails elsewhere", { "a 1": "failed", "a 2": "passed" }, ["a 1"]],
  ["is skipped", { "a 1": "passed", "a 2": "skipped" }, ["a 2"]],
  ["is not reached", {}, ["a 2"]],
])("what %s stays a failure", async (_, second, failures) => {
  const { once } = runsOf(first, second);
  expect(await resultsOf(once, true)).toMatchObject({ failures });
});

test("no second try outside of CI, nor where many files fail", async () => {
  const alone = runsOf(first);
  expect(await resultsOf(alone.once, false)).toMatchObject({ failures: ["a 2"], unsteady: [] });
  const all = { "a 1": "failed", "b 1": "failed", "c 1": "failed", "d 1": "failed" } as const;
  const many = runsOf(all);
  expect((await resultsOf(many.once, true)).failures).toHaveLength(4);
  expect([alone.asked, many.asked]).toEqual([[[]], [[]]]);
});

test("a run without any passed test is no success", async () => {
  const { once } = runsOf({ "a 1": "skipped" });
  const { failures } = await resultsOf(once, true);
  expect(failures).toEqual(["tests: exit status 0, 0 tests passed"]);
});
