import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildPackage } from "./built.ts";
import { temporaryFolder } from "./command.ts";

// A trial is killed, or the disk is full, at a write to its journal; then it goes on.

let built: string;
let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  built = await buildPackage();
  ({ folder, remove } = await temporaryFolder());
});
afterAll(async () => {
  await rm(built, { recursive: true });
  await remove();
});

const steps = ["a", "b"];
const runner = fileURLToPath(new URL("trial/runner.mjs", import.meta.url));

function run(order: object): Promise<{ signal: string | null; out: string; err: string }> {
  const args = [runner, join(built, "dist"), JSON.stringify(order)];
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, out, err) =>
      resolve({ signal: error?.signal ?? null, out, err }),
    );
  });
}

const linesOf = (path: string) =>
  existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [];

// Writes: 1 run, 2 open; of the first step 3 begin, 4 and 5 how far it is, 6 end; 7 begin of the
// next. trial.test.ts goes on from every byte of a journal; here processes truly die.
test.each([
  ["after", [1, 2, 3, 4, 5, 6, 7]],
  ["amid", [3, 6]],
  ["full disk", [3, 5, 6]],
] as const)(
  "%s a write",
  async (how, points) => {
    for (const at of points) {
      const journal = join(folder, `${how}-${at}.jsonl`);
      const log = join(folder, `${how}-${at}.txt`);
      const first = await run({ journal, log, steps, at, how });
      const ranFirst = linesOf(log);
      if (how === "full disk") expect(first.signal).toBeNull();
      else expect(first.signal).toBe("SIGKILL");
      const begun = linesOf(journal).filter((line) => line.includes('"begin"')).length;
      // Nothing runs that is not written down before.
      expect(ranFirst.length).toBeLessThanOrEqual(begun);

      const second = await run({ journal, log, steps });
      const outcomes = new Map(JSON.parse(second.out) as [string, string][]);
      expect([...outcomes.keys()]).toEqual(steps);
      const ran = linesOf(log);
      expect(new Set(ran).size).toBe(ran.length);
      for (const id of steps) {
        if (outcomes.get(id) === "passed") expect(ran).toContain(id);
        else expect(outcomes.get(id)).toBe("interrupted");
      }
      expect(
        [...outcomes.values()].filter((outcome) => outcome === "passed").length,
      ).toBeGreaterThanOrEqual(1);
    }
  },
  120_000,
);

test("a full disk says what to do", async () => {
  const order = { journal: join(folder, "full.jsonl"), steps, at: 3, how: "full disk" };
  const { err } = await run(order);
  expect(err).toMatch(/cannot write .*full.jsonl: ENOSPC/);
  expect(err).toMatch(/free some space/);
});
