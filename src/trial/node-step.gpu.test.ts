import { expect, test } from "vitest";
import { runNodeTask } from "../validate/node-task.ts";
import { toleranceFor } from "./case.ts";
import { matrix } from "./matrix.ts";
import { runNodeStep } from "./node-step.ts";

type Message = Readonly<Record<string, unknown>>;

const listed = (...ids: string[]) =>
  matrix
    .filter((row) => ids.includes(row.id))
    .map((row) => ({ id: row.id, case: row.case, tolerance: toleranceFor(row.case) }));

test("a step of the engine says where it is, and is right", async () => {
  const said: Message[] = [];
  const [one] = listed("conv/usual");
  await runNodeStep("engine", { case: one!.case, seed: 1 }, (message) => void said.push(message));
  const places = said.flatMap((message) => ("at" in message ? [String(message.at)] : []));
  expect(places[0]).toBe("open the device");
  expect(places.some((place) => place.startsWith("compute on "))).toBe(true);
  const { result } = said.at(-1) as { result: { error: number } };
  expect(result.error).toBeLessThan(one!.tolerance);
});

test("a soak and repeats of the engine give the same numbers", async () => {
  const cases = listed("conv/usual", "conv/depthwise", "pool/global");
  const order = {
    seed: 1,
    cases,
    times: 2,
    models: [],
    layers: [],
    batch: 1,
    imageSize: 32,
    matrixSize: 64,
  };
  for (const part of [
    { kind: "soak", seconds: 3 },
    { kind: "repeat", seconds: 0 },
  ] as const) {
    const said: Message[] = [];
    await runNodeTask("engine", { ...order, ...part }, (message) => void said.push(message));
    expect((said.at(-1)!.result as { error: number }).error).toBe(0);
  }
});
