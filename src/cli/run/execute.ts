import type { Session } from "../../session/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { runSession } from "../engine.ts";
import type { ProgressLine } from "../progress.ts";
import type { FeedPlan } from "./feeds.ts";
import { type Result, splitByPicture } from "./results.ts";
import type { RunTimes } from "./summary.ts";

/** What came out of all runs, and how long they took. */
export interface Executed {
  readonly results: readonly Result[];
  /** The outputs as the session gave them, run by run. */
  readonly outputs: readonly ReadonlyMap<string, Tensor>[];
  readonly times: RunTimes;
}

/** Runs every batch once, then the first one `repeat` more times. */
export async function runAll(
  session: Session,
  plan: FeedPlan,
  repeat: number,
  line: ProgressLine,
): Promise<Executed> {
  const results: Result[] = [];
  const outputs: ReadonlyMap<string, Tensor>[] = [];
  const timesMs: number[] = [];
  let firstFeeds: ReadonlyMap<string, Tensor> | undefined;
  for await (const { feeds, pictures } of plan.batches()) {
    firstFeeds ??= feeds;
    const { output, ms } = await timedRun(session, feeds);
    outputs.push(output);
    timesMs.push(ms);
    results.push(...splitByPicture(output, pictures, plan.batch));
    line.show(`running: ${outputs.length} of ${plan.runs} ...`);
  }
  for (let i = 0; i < repeat; i++) {
    timesMs.push((await timedRun(session, firstFeeds!)).ms);
    line.show(`repeating: ${i + 1} of ${repeat} ...`);
  }
  const [first, ...later] = timesMs;
  const onDevice = (await session.timeOnDevice(repeat)) ?? [];
  return { results, outputs, times: { first: first!, later, onDevice } };
}

/** A run and its milliseconds: upload, compute and read back, without compiling. */
async function timedRun(session: Session, feeds: ReadonlyMap<string, Tensor>) {
  const output = await runSession(session, feeds);
  return { output, ms: session.stats.lastRunMs };
}
