import { expect, test } from "vitest";
import { someTuning, tuningsFor } from "../../test/tunings.ts";
import { mergeTunings } from "./merge.ts";

const at = (hour: number) => ({ tunedAt: `2026-11-21T${hour}:00:00.000Z` });

test("of one problem the tuning that was measured last stays, whichever comes first", () => {
  const [early, late] = [someTuning("p", at(10)), someTuning("p", { ...at(11), timeMs: 0.5 })];
  const merged = (a: typeof early, b: typeof early) =>
    mergeTunings(tuningsFor("card", "driver", a), tuningsFor("card", "driver", b).devices);
  expect(merged(early, late)).toEqual(tuningsFor("card", "driver", late));
  expect(merged(late, early)).toEqual(tuningsFor("card", "driver", late));
});

test("drivers and adapters stay apart", () => {
  const old = tuningsFor("card", "driver 1", someTuning("p"));
  const { devices } = mergeTunings(old, [
    ...tuningsFor("card", "driver 2", someTuning("p")).devices,
    ...tuningsFor("other", "driver 1", someTuning("p")).devices,
  ]);
  expect(devices.map((d) => [d.adapter, d.driver, d.tunings.length])).toEqual([
    ["card", "driver 1", 1],
    ["card", "driver 2", 1],
    ["other", "driver 1", 1],
  ]);
});
