import type { Session } from "../session/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { openRivals, type RivalName } from "./rival.ts";
import type { Spread } from "./statistics.ts";
import { type RunTimingOptions, timeRuns } from "./time-runs.ts";

/** What whole runs take here and in other engines. Milliseconds. */
export interface WholeTimes {
  /** From the CPU's memory to the CPU's memory. */
  readonly wholeMs: Spread;
  /** Without transfers; null where the CPU is the device. */
  readonly onDeviceMs: Spread | null;
  readonly against: Partial<Record<RivalName, Spread>>;
  /** Why an engine that was asked for has no times. */
  readonly refused: Partial<Record<RivalName, string>>;
}

/** Times whole runs of a session, its work on the device, and other engines, in turns. */
export async function timeWhole(
  session: Session,
  feeds: Readonly<Record<string, Tensor>>,
  rivalNames: readonly RivalName[],
  model: () => Uint8Array | string,
  options: RunTimingOptions,
): Promise<WholeTimes> {
  const { open, refused } = await openRivals(rivalNames, model, feeds);
  try {
    const onDevice = async () => (await session.timeOnDevice(1))?.[0];
    const hasDevice = session.device.kind !== "cpu";
    const whole = () => session.run(feeds);
    const own = hasDevice ? [whole, onDevice] : [whole];
    const spreads = await timeRuns([...own, ...open.map((rival) => () => rival.run())], options);
    const against: Partial<Record<RivalName, Spread>> = {};
    open.forEach(({ name }, i) => {
      against[name] = spreads[own.length + i]!;
    });
    return { wholeMs: spreads[0]!, onDeviceMs: hasDevice ? spreads[1]! : null, against, refused };
  } finally {
    for (const rival of open) await rival.dispose();
  }
}
