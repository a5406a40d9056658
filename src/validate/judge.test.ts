import { describe, expect, test } from "vitest";
import type { StepResult, Target } from "../trial/index.ts";
import type { Criterion, CriterionId, MeasuredTime } from "./criteria.ts";
import type { Found } from "./found.ts";
import { firstDifference, type HistoryEntry } from "./history.ts";
import { judgeAll, outputsOf } from "./judge.ts";
import { type Extent, full, planFor } from "./plan.ts";
import { sweepCases } from "./shapes.ts";

const target: Target = {
  name: "torch",
  python: "python3",
  machine: { isRocm: true, override: undefined, gfx: "gfx1010" },
};
const extent: Extent = { ...full, soakSeconds: 1800 };
const parts = planFor(target, extent, undefined);

const passed = (data: StepResult["data"]): StepResult => ({
  outcome: "passed",
  detail: "",
  timeMs: 1,
  device: "AMD Radeon RX 5600 XT",
  ...(data && { data }),
});

/** Numbers as repeats give them. */
function output(...values: number[]) {
  const bytes = Buffer.from(Float32Array.from(values).buffer);
  return { digest: values.join(), values: bytes.toString("base64") };
}

const soak = {
  runs: 1000,
  seconds: 1801,
  mismatches: [],
  residentBytesEarly: 1e9,
  residentBytesLate: 1.05e9,
};

const rates = {
  flopPerSecond: 6.5e12,
  flopBy: "a matrix product",
  bytesPerSecond: 2.41e11,
  bytesBy: "a copy",
};

/** What every part gives where all is well. */
function allWell(): Map<string, StepResult> {
  return new Map(
    parts.map(({ experiment: { id, order } }): [string, StepResult] => {
      const count = Array.isArray(order.cases) ? order.cases.length : 0;
      const data = {
        cases: { checked: count, failed: 0, failures: [] },
        repeat: { outputs: { "3x3": output(1, 2, 3) } },
        soak,
        speed: rates,
        training: { losses: [1, 0.1], cpuLosses: [1, 0.11] },
      }[order.kind as string];
      return [id, passed(data)];
    }),
  );
}

const time = (ofOptimum: number, more: Partial<MeasuredTime> = {}): MeasuredTime => ({
  what: "layer",
  name: "c64",
  class: "3x3",
  batch: 8,
  ms: { count: 9, median: 1, low: 0.9, high: 1.1, kind: "min..max" },
  boundMs: ofOptimum,
  ...more,
});

const past = (boot: string, verdicts: HistoryEntry["verdicts"] = {}): HistoryEntry => ({
  time: "",
  boot,
  target: "torch",
  subject: "",
  device: "",
  command: "",
  verdicts: { convolutions: "met", ...verdicts },
  outputs: { "3x3": output(1, 2, 3) },
});

function judged(differences: Partial<Found> = {}): Record<CriterionId, Criterion> {
  const found: Found = {
    parts,
    results: allWell(),
    extent,
    times: [time(0.85), time(0.9, { what: "model", name: "resnet50" })],
    sensors: { temperatureC: [40, 71] },
    history: [past("a"), past("b")],
    boot: "c",
    isEmulated: false,
    seesKernelLog: true,
    ...differences,
  };
  return Object.fromEntries(judgeAll(found).map((c) => [c.id, c])) as never;
}

/** All is well but for one part. */
function withResult(name: string, result: Partial<StepResult>): Map<string, StepResult> {
  const results = allWell();
  const id = `torch/${name}`;
  results.set(id, { ...results.get(id)!, ...result });
  return results;
}

const crash = { outcome: "gpu-reset", detail: 'the kernel reset the GPU at "turn 7: resnet50"' };

describe("criteria", () => {
  test("all met where all is well on a card, on three boots", () => {
    for (const [id, criterion] of Object.entries(judged())) {
      expect([id, criterion.verdict, criterion.wouldShow]).toEqual([id, "met", undefined]);
    }
  });

  test("the plan has 500 shapes and more", () => {
    expect(judged().convolutions.evidence[0]).toMatch(/and 500 drawn shapes were compared/);
  });

  test("a wrong shape is named", () => {
    const data = {
      checked: 100,
      failed: 2,
      failures: [{ id: "conv-n1", what: "relative error 1" }],
    };
    const results = withResult("shapes-2-of-5", { outcome: "wrong", data });
    const { convolutions } = judged({ results });
    expect(convolutions.verdict).toBe("not met");
    expect(convolutions.evidence[0]).toMatch(/2 of 100 failed, first conv-n1: relative error 1/);
  });

  test("a reset of the GPU in any part counts against stability", () => {
    const results = withResult("soak", { ...(crash as StepResult), data: undefined as never });
    const { stability, reboots } = judged({ results });
    expect(stability.verdict).toBe("not met");
    expect(stability.evidence[0]).toMatch(/torch\/soak: the kernel reset the GPU/);
    expect(reboots.verdict).toBe("not met");
    expect(reboots.evidence[0]).toBe("passed on 2 of 3 boots");
  });

  test("the cause of a crash is named", () => {
    const title = "The GPU was reset";
    const causes = [{ id: "gpu-reset", title, certainty: "possible", cause: "" }] as const;
    const results = withResult("matrix", {
      ...(crash as StepResult),
      data: undefined as never,
      causes,
    });
    const named = /the kernel reset the GPU at .*; possible cause: The GPU was reset$/;
    const { convolutions, stability } = judged({ results });
    expect(convolutions.evidence[0]).toMatch(named);
    expect(stability.evidence[0]).toMatch(named);
  });

  test("a short soak shows nothing, a leak and other numbers count", () => {
    const short = judged({ results: withResult("soak", { data: { ...soak, seconds: 60 } }) });
    expect(short.stability).toMatchObject({
      verdict: "not shown",
      wouldShow: expect.stringMatching(/--soak 30m/),
    });
    const leak = { ...soak, residentBytesLate: 3e9 };
    const leaking = judged({ results: withResult("soak", { data: leak }) });
    expect(leaking.stability.evidence[0]).toMatch(/memory grew from 1000 MB to 3000 MB/);
    const other = { ...soak, mismatches: [{ id: "odd", run: 9 }] };
    const wrong = judged({ results: withResult("soak", { data: other }) });
    expect(wrong.stability.evidence[0]).toMatch(/first in run 9 \(odd\)/);
  });

  test("speed is judged by class and by model", () => {
    const times = [time(0.9), time(0.5, { class: "depthwise" }), time(0.81, { what: "model" })];
    const { speed } = judged({ times });
    expect(speed.verdict).toBe("not met");
    expect(speed.evidence[0]).toBe("layers depthwise (1): 50 % of the optimum");
    expect(speed.evidence.join()).toMatch(/layers 3x3 \(1\): 90 %/);
  });

  test("it is said what the optimum is", () => {
    expect(judged().speed.evidence[0]).toMatch(
      /arithmetic at 6500 GFLOP\/s \(a matrix product\) and its bytes, .* at 241 GB\/s \(a copy\)/,
    );
  });

  test("a layer or network without a time counts against speed", () => {
    const refused = ["vgg16: relative error 1e-1 against ONNX Runtime"];
    const { speed } = judged({ results: withResult("speed", { data: { ...rates, refused } }) });
    expect(speed.verdict).toBe("not met");
    expect(speed.evidence[0]).toMatch(/has no time: vgg16/);
  });

  test("an emulated card and small pictures show no speed, for better or worse", () => {
    for (const part of [0.1, 0.9]) {
      const times = [time(part)];
      const emulated = judged({ isEmulated: true, times }).speed;
      expect(emulated).toMatchObject({
        verdict: "not shown",
        wouldShow: expect.stringMatching(/on a card/),
      });
      const small = judged({ extent: { ...extent, imageSize: 32 }, times }).speed;
      expect(small).toMatchObject({
        verdict: "not shown",
        wouldShow: expect.stringMatching(/^a run without --quick/),
      });
    }
  });

  test("without a look at the kernel's log stability is not shown", () => {
    const { stability } = judged({ seesKernelLog: false });
    expect(stability.verdict).toBe("not shown");
    expect(stability.wouldShow).toMatch(/systemd-journal/);
    expect(judged({ seesKernelLog: undefined }).stability.verdict).toBe("met");
  });

  test("boots are counted once each", () => {
    expect(judged({ history: [past("c"), past("c")] }).reboots).toMatchObject({
      verdict: "not shown",
      evidence: ["passed on 1 of 1 boot"],
      wouldShow: expect.stringMatching(/2 more/),
    });
    const failed = [past("a", { models: "not met" }), past("a"), past("b")];
    expect(judged({ history: failed }).reboots.evidence[0]).toBe("passed on 2 of 3 boots");
  });

  test("the first differing bit is shown: in a process, between two, after a restart", () => {
    const difference = { run: 2, index: 7, first: 1.5, second: 1.25 };
    const within = { outputs: { "3x3": { ...output(1, 2, 3), difference } } };
    const inProcess = judged({ results: withResult("repeat-1", { data: within }) });
    expect(inProcess.reproducible.evidence[0]).toBe(
      "3x3: run 2 gave 1.25 at element 7, the first 1.5",
    );
    const other = { outputs: { "3x3": output(1, 2.5, 3) } };
    const between = judged({ results: withResult("repeat-2", { data: other }) });
    expect(between.reproducible.evidence[0]).toBe(
      "another process: 3x3 differs first at element 1: 2 and 2.5",
    );
    const earlier = { ...past("b"), outputs: { "3x3": output(1, 2, -3) } };
    const restarted = judged({ history: [past("a"), earlier] });
    expect(restarted.reproducible.evidence[0]).toMatch(/after a restart: .* element 2: -3 and 3/);
    expect(judged({ history: [] }).reproducible.verdict).toBe("not shown");
  });

  test("training that does not come down counts", () => {
    const data = { losses: [1, 0.9], cpuLosses: [1, 0.1] };
    const results = withResult("training", { outcome: "wrong", data });
    const { models } = judged({ results });
    expect(models.verdict).toBe("not met");
    expect(models.evidence[0]).toMatch(/loss 0\.900, on the CPU 0\.100/);
  });

  test("what was not run is not shown", () => {
    const { convolutions, models, reproducible } = judged({ results: new Map() });
    for (const one of [convolutions, models, reproducible]) expect(one.verdict).toBe("not shown");
    expect(outputsOf({ parts, results: new Map() })).toEqual([]);
  });
});

test("a difference behind the kept numbers is told as such", () => {
  const [a, b] = [output(1), { ...output(1), digest: "other" }];
  expect(firstDifference({ x: a }, { x: b })).toEqual({ id: "x" });
});

describe("drawn shapes", () => {
  test("are the same for equal seeds, and all different enough", () => {
    const cases = sweepCases(500, 1);
    expect(sweepCases(20, 1)).toEqual(cases.slice(0, 20));
    expect(sweepCases(20, 2)).not.toEqual(cases.slice(0, 20));
    expect(new Set(cases.map(({ id }) => id)).size).toBeGreaterThan(490);
    for (const { case: one } of cases) {
      expect(one.channels % one.groups).toBe(0);
      expect(one.filters % one.groups).toBe(0);
      for (const [i, side] of one.size.entries()) {
        expect((one.kernel[i]! - 1) * one.dilation).toBeLessThan(side + 2 * one.padding);
      }
    }
    const kinds = new Set(cases.map(({ case: one }) => `${one.kernel} ${one.groups > 1}`));
    expect(kinds.size).toBeGreaterThan(10);
  });
});
