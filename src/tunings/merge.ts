import type { DeviceTunings, Tuning, Tunings } from "./tuning.ts";

export const noTunings: Tunings = { format: "rekindle-tunings", version: 1, devices: [] };

const deviceKey = ({ adapter, driver }: DeviceTunings): string => JSON.stringify([adapter, driver]);

/** All tunings of both; where both know a problem on a device, the one measured last. */
export function mergeTunings(old: Tunings, more: readonly DeviceTunings[]): Tunings {
  const devices = new Map<string, DeviceTunings>();
  for (const device of [...old.devices, ...more]) {
    const key = deviceKey(device);
    const known = devices.get(key)?.tunings ?? [];
    devices.set(key, { ...device, tunings: latest([...known, ...device.tunings]) });
  }
  return { ...noTunings, devices: [...devices.values()] };
}

/** One tuning for each problem: the one measured last, or listed last where that is equal. */
function latest(tunings: readonly Tuning[]): Tuning[] {
  const byProblem = new Map<string, Tuning>();
  for (const tuning of tunings) {
    const known = byProblem.get(tuning.problem);
    if (!known || known.tunedAt <= tuning.tunedAt) byProblem.set(tuning.problem, tuning);
  }
  return [...byProblem.values()];
}
