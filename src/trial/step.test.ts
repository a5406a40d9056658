import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { fakeExperiment, faultyStep } from "../../test/trial/fake-experiment.ts";
import { processesWith } from "../../test/trial/processes.ts";
import { type Host, machineHost, sweep } from "../host/index.ts";
import { type Confinement, findConfinement } from "./confine.ts";
import type { Experiment } from "./experiment.ts";
import type { StepResult } from "./result.ts";
import { prepareStep } from "./step.ts";
import { orderOf } from "./targets.ts";

const host = machineHost();
let confinement: Confinement;
beforeAll(async () => {
  confinement = await findConfinement(host);
});

async function run(
  experiment: Experiment,
  on: Host = host,
  token: string = randomUUID(),
): Promise<StepResult> {
  const surroundings = { host: on, confinement, graceMs: 300, giveUpMs: 300, settleMs: 10 };
  const step = prepareStep(experiment, faultyStep, token, surroundings);
  return await step.run(orderOf(experiment), { source: "dmesg", lastLine: "[1.0] before" });
}

const fault = (name: string, limits: Partial<Experiment["limits"]> = {}) => {
  const usual = { timeMs: 60_000, memoryBytes: 1e9, cpuSeconds: 30 };
  return fakeExperiment(name, { fault: name }, { limits: { ...usual, ...limits } });
};

/** A machine whose kernel says something while a step runs. */
function hostThatLogs(...lines: string[]): Host {
  const out = ["[1.0] before", ...lines].join("\n");
  return {
    ...host,
    run: async (program, args, options) =>
      program === "dmesg" ? { status: 0, out, err: "" } : await host.run(program, args, options),
  };
}

const isLinux = process.platform === "linux";

describe("a step that", () => {
  test.each([
    ["none", "passed", /relative error 1\.0e-7 in y/],
    ["wrong", "wrong", /relative error 5\.0e-1 in y, rounding explains 1e-5/],
    ["not finite", "wrong", /not finite/],
    ["error", "error", /RuntimeError: HIP error: invalid device function/],
    ["silent", "error", /ended with status 3 at "do silent"/],
    ["unavailable", "unavailable", /no such device/],
    ["segfault", "signal", /SIGSEGV at "do segfault"/],
    ["abort", "signal", /SIGABRT at "do abort"/],
    ["crash after the result", "signal", /SIGSEGV .*after right numbers/],
    ["no text", "error", /ended with status 1/],
  ])("%s: %s", async (name, outcome, detail) => {
    const result = await run(fault(name));
    expect(result).toMatchObject({ outcome, detail: expect.stringMatching(detail) });
  });

  test("hangs and ignores SIGTERM is killed", async () => {
    for (const name of ["hang", "hang in a loop"]) {
      const result = await run(fault(name, { timeMs: 1500 }));
      expect(result).toMatchObject({ outcome: "hang", at: `do ${name}` });
      expect(result.unkillable).toBeUndefined();
      expect(result.timeMs).toBeLessThan(30_000);
    }
  });

  test("says nothing for too long is killed, long before its time is over", async () => {
    const limits = { timeMs: 120_000, quietMs: 2500 };
    const silent = await run(fault("hang", limits));
    expect(silent).toMatchObject({ outcome: "hang", at: "do hang" });
    // Fifteen announcements, 200 ms apart.
    expect(await run(fault("slow", limits))).toMatchObject({ outcome: "passed" });
  });

  test("outlives SIGKILL is given up, and said to be so", async () => {
    const kill = vi.spyOn(process, "kill").mockReturnValue(true);
    const token = randomUUID();
    const hanging = run(fault("hang", { timeMs: 400 }), host, token);
    const result = await hanging.finally(() => kill.mockRestore());
    sweep(token);
    expect(result).toMatchObject({
      outcome: "hang",
      unkillable: true,
      detail: expect.stringMatching(/cannot be killed, a driver holds it/),
    });
  });

  test("cannot be started", async () => {
    const step = prepareStep(
      fault("none"),
      { program: "no-such-program", args: [] },
      randomUUID(),
      { host, confinement: { name: "none", wrap: (command) => command } },
    );
    expect(await step.run({}, undefined)).toMatchObject({
      outcome: "unavailable",
      detail: expect.stringMatching(/missing/),
    });
  });

  test("floods its output costs no memory, and its result is found", async () => {
    const result = await run(fault("flood"));
    expect(result.outcome).toBe("passed");
  });

  test.skipIf(!isLinux)("leaves processes behind: they are killed", async () => {
    for (const name of ["fork", "escape"]) {
      const token = randomUUID();
      const result = await run(fault(name), host, token);
      expect(result).toMatchObject({ outcome: "passed", leftBehind: 1 });
      expect(processesWith(token)).toEqual([]);
    }
  });

  test.skipIf(!isLinux)("eats memory is ended", async () => {
    const result = await run(fault("memory", { memoryBytes: 300e6 }));
    expect(result).toMatchObject({
      outcome: "over-limit",
      detail: expect.stringMatching(/more than 0.3 GB of memory at "do memory"/),
    });
    expect(result.memoryBytesMax).toBeGreaterThan(300e6);
  });

  test.skipIf(!isLinux)("eats processor time is ended", async () => {
    if (!confinement.name.includes("prlimit")) return;
    const result = await run(fault("hang in a loop", { cpuSeconds: 1 }));
    expect(result).toMatchObject({
      outcome: "over-limit",
      detail: expect.stringMatching(/more than 1 s of processor time/),
    });
  });

  test("is stopped by the user is no failure", async () => {
    const experiment = fault("hang");
    const surroundings = { host, confinement, graceMs: 300 };
    const step = prepareStep(experiment, faultyStep, randomUUID(), surroundings);
    setTimeout(() => step.stop(), 300);
    expect((await step.run(orderOf(experiment), undefined)).outcome).toBe("stopped");
  });
});

/** A machine whose kernel resets the GPU only when the log is looked at for the third time. */
function hostThatResetsLate(): Host {
  let looks = 0;
  const reset = ["[9.0] amdgpu: GPU reset begin!", "[9.9] amdgpu: GPU reset(1) succeeded!"];
  return {
    ...host,
    run: async (program, args, options) => {
      if (program !== "dmesg") return await host.run(program, args, options);
      looks++;
      const evict = looks > 1 ? ["[8.0] amdgpu: Failed to evict process queues"] : [];
      const out = ["[1.0] before", ...evict, ...(looks > 2 ? reset : [])].join("\n");
      return { status: 0, out, err: "" };
    },
  };
}

describe("what the kernel says meanwhile", () => {
  test("a reset that follows on the killing of what hung is waited for", async () => {
    const result = await run(fault("hang", { timeMs: 300 }), hostThatResetsLate());
    expect(result.outcome).toBe("gpu-reset");
    expect(result.kernelLines).toHaveLength(3);
  });

  test("a reset that ends the desktop is no stopping by the user", async () => {
    const on = hostThatLogs("[5.1] amdgpu 0000:03:00.0: amdgpu: GPU reset begin!");
    const experiment = fault("hang");
    const surroundings = { host: on, confinement, graceMs: 300, settleMs: 10 };
    const step = prepareStep(experiment, faultyStep, randomUUID(), surroundings);
    setTimeout(() => step.stop(), 300);
    const position = { source: "dmesg", lastLine: "[1.0] before" };
    expect((await step.run(orderOf(experiment), position)).outcome).toBe("gpu-reset");
  });

  test("a flood of lines keeps its beginning and its end", async () => {
    const flood = Array.from({ length: 500 }, (_, i) => `[6.${i}] noise`);
    const result = await run(fault("none"), hostThatLogs("[5.1] GPU reset begin!", ...flood));
    expect(result.outcome).toBe("gpu-reset");
    expect(result.kernelLines).toHaveLength(60);
    expect(result.kernelLines!.at(-1)).toBe("[6.499] noise");
  });

  test("a reset of the GPU names the outcome, and explain the cause", async () => {
    const on = hostThatLogs(
      "[5.0] [drm:amdgpu_job_timedout [amdgpu]] *ERROR* ring gfx_0.0.0 timeout, signaled seq=1",
      "[5.1] amdgpu 0000:03:00.0: amdgpu: GPU reset begin!",
    );
    const result = await run(fault("none"), on);
    expect(result.outcome).toBe("gpu-reset");
    expect(result.kernelLines).toHaveLength(2);
    expect(result.causes?.length).toBeGreaterThan(0);
  });

  test("lines from before do not count", async () => {
    const result = await run(fault("none"), hostThatLogs());
    expect(result).not.toHaveProperty("kernelLines");
  });

  test("explain reads what the step wrote", async () => {
    const { causes, text } = await run(fault("error"));
    expect(causes?.[0]?.id).toBe("torch-without-code");
    expect(text).toMatch(/^Traceback/);
    expect(text).not.toContain("@rekindle");
  });
});
