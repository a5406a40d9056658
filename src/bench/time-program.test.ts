import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Gpu } from "../gpu/index.ts";
import { timePrograms } from "./time-program.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

/** A GPU without timestamps that takes `msPerIssue` for each issue; notes what it was given. */
function fakeGpu(msPerIssue: number) {
  const submissions: number[] = [];
  let issued = 0;
  const pass = { end() {} };
  const encoder = { beginComputePass: () => pass, finish: () => undefined };
  const queue = {
    submit() {},
    async onSubmittedWorkDone() {
      submissions.push(issued * msPerIssue);
      vi.advanceTimersByTime(issued * msPerIssue);
      issued = 0;
    },
  };
  const device = { features: new Set<string>(), queue, createCommandEncoder: () => encoder };
  const watch = (_: string, work: () => unknown) => ({
    result: work(),
    verdict: Promise.resolve(),
  });
  const piece = {
    encode(_: GPUComputePassEncoder, times: number) {
      issued += times;
    },
  };
  return { gpu: { device, watch } as unknown as Gpu, piece, submissions };
}

test.each([0.05, 5, 50, 300])(
  "work of %d ms is never submitted for longer than a driver bears",
  async (msPerIssue) => {
    const { gpu, piece, submissions } = fakeGpu(msPerIssue);
    const [timing] = await timePrograms(gpu, [piece], { samples: 3 });
    expect(timing!.ms).toEqual(
      [msPerIssue, msPerIssue, msPerIssue].map((ms) => expect.closeTo(ms)),
    );
    expect(Math.max(...submissions)).toBeLessThanOrEqual(Math.max(100, msPerIssue));
    // It warms up for half a second, and steadily from then on.
    const total = submissions.reduce((sum, ms) => sum + ms, 0);
    expect(total).toBeGreaterThan(500);
    expect(total).toBeLessThan(1000 + 12 * Math.max(20, msPerIssue));
  },
);
