import { expect, test } from "vitest";
import type { LibraryFacts } from "../facts.ts";
import { diagnose } from "../rule.ts";
import { rules } from "./index.ts";

const library = (path: string, isOwned: boolean): LibraryFacts => ({
  name: "libhsa-runtime64",
  path,
  isOwned,
  isModified: false,
});

/** Whether the doctor takes these for a runtime that somebody changed. */
function isPatched(...libraries: LibraryFacts[]): boolean {
  const { found } = diagnose({ version: 1, libraries }, rules);
  return found.some(({ rule }) => rule.id === "patched-runtime");
}

test("a library of no package among those of packages is a patch", () => {
  const own = library("/opt/rocm/lib/libamdhip64.so.6", true);
  expect(isPatched(own)).toBe(false);
  expect(isPatched(own, library("/opt/rocm/lib/libhsa-runtime64.so.1", false))).toBe(true);
  expect(isPatched({ ...own, isModified: true })).toBe(true);
});

test("so is one where the loader looks before packages", () => {
  expect(isPatched(library("/usr/local/lib/libhsa-runtime64.so.1", false))).toBe(true);
});

test("a ROCm that stands whole in a folder of its own is none", () => {
  const path = "/opt/rocm_sdk_612/lib/libhsa-runtime64.so.1";
  expect(isPatched(library(path, false))).toBe(false);
});
