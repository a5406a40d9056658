import { expect, test } from "vitest";
import { compareVersions, isBetween } from "./version.ts";

test.each([
  ["7.15.0a20260728", "7.15", 0],
  ["6.12.101+deb13-amd64", "6.8", 1],
  ["6.8.0-60-generic", "6.12", -1],
  ["10.0", "7.15", 1],
  ["5.2", "5.2.3", -1],
  ["1.13.1+rocm5.2", "1.14", -1],
  ["git", "1", undefined],
])("%s against %s", (a, b, expected) => {
  expect(compareVersions(a, b)).toBe(expected);
});

test.each([
  ["7.15.0", "7.15", "10.1", true],
  ["10.0.0", "7.15", "10.1", true],
  ["10.1.0", "7.15", "10.1", false],
  ["7.14.1", "7.15", "10.1", false],
  ["none", "7.15", "10.1", "unknown"],
] as const)("%s from %s up to %s", (version, from, to, expected) => {
  expect(isBetween(version, from, to)).toBe(expected);
});
