import { expect, test } from "vitest";
import { placeOfTunings } from "./place.ts";

test.each([
  ["linux", { HOME: "/ada" }, "/ada/.local/share/rekindle/tunings.json"],
  ["linux", { HOME: "/ada", XDG_DATA_HOME: "/d" }, "/d/rekindle/tunings.json"],
  ["linux", { HOME: "/ada", XDG_DATA_HOME: "d" }, "/ada/.local/share/rekindle/tunings.json"],
  ["darwin", { HOME: "/ada" }, "/ada/Library/Application Support/rekindle/tunings.json"],
  ["win32", { LOCALAPPDATA: "C:\\Local" }, "C:\\Local\\rekindle\\tunings.json"],
  ["linux", { HOME: "/ada", REKINDLE_TUNINGS: "t.json" }, "t.json"],
  ["linux", { HOME: "/ada", REKINDLE_TUNINGS: "off" }, undefined],
  ["linux", {}, undefined],
  ["win32", { HOME: "/ada" }, undefined],
])("%s with %o: %s", (platform, env, place) => {
  expect(placeOfTunings(platform, env)).toBe(place);
});
