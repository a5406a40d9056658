import { describe, expect, test } from "vitest";
import { channelNames, wheelsFor } from "./amd-channels.ts";

test("a channel names a whole set: torch, torchvision, torchaudio", () => {
  expect(wheelsFor("stable", "gfx1010", "").packages).toEqual([
    "torch[device-gfx1010]==2.11.0+rocm7.14.0",
    "torchvision[device-gfx1010]==0.26.0+rocm7.14.0",
    "torchaudio==2.11.0+rocm7.14.0",
  ]);
  expect(wheelsFor("next", "gfx1012", "").packages[2]).toBe("torchaudio==2.11.0.2+rocm10.0.0");
  for (const name of channelNames) expect(wheelsFor(name, "gfx1010", "").packages).toHaveLength(3);
});

test.each([
  ["2.11.0+rocm7.14.0", "==0.26.0+rocm7.14.0", "==2.11.0+rocm7.14.0"],
  ["2.9.1+rocm7.13.0", "==0.24.1+rocm7.13.0", "==2.9.1+rocm7.13.0"],
  ["2.13.0+rocm10.0.0", "==0.28.0+rocm10.0.0", "==2.11.*"],
])("what belongs to torch %s", (torch, vision, audio) => {
  expect(wheelsFor("stable", "gfx1010", torch).packages).toEqual([
    `torch[device-gfx1010]==${torch}`,
    `torchvision[device-gfx1010]${vision}`,
    `torchaudio${audio}`,
  ]);
});

describe("what is known to be broken", () => {
  test("is never chosen, and that is said", () => {
    const { packages, notes } = wheelsFor("nightly", "gfx1010", "");
    expect(packages[0]).toMatch(/^torch\[device-gfx1010\]!=2\.11\.0\+rocm7\.14\.1,/);
    expect(notes.join()).toMatch(/ROCm 7\.14\.1 are left out/);
    // Any build of a version that is named without its ROCm.
    const named = wheelsFor("stable", "gfx1010", "2.11.0");
    expect(named.packages[0]).toBe("torch[device-gfx1010]==2.11.0,!=2.11.0+rocm7.14.1");
    expect(named.notes.join()).toMatch(/left out/);
    for (const name of channelNames) {
      expect(wheelsFor(name, "gfx1010", "").packages.join()).not.toMatch(/==[^,]*rocm7\.14\.1/);
    }
  });

  test("is refused where it is named, as are versions that are none", () => {
    expect(() => wheelsFor("stable", "gfx1010", "2.11.0+rocm7.14.1")).toThrow(/7\.14\.1 are/);
    expect(() => wheelsFor("stable", "gfx1010", "latest")).toThrow(/no version of PyTorch 2/);
  });
});

test("the index for one family has no extras, and says what it is", () => {
  const { index, packages, notes } = wheelsFor("legacy", "gfx1012", "");
  expect(index).toMatch(/\/v2\/gfx101X-dgpu\/$/);
  expect(packages.join()).not.toMatch(/device-/);
  expect(notes[0]).toMatch(/^A fallback: .*no new builds \(ROCm\/TheRock#5954, 2026-06-18\)/);
});
