import { expect, test } from "vitest";
import { fill } from "./template.ts";

const view = {
  facts: {
    version: 1 as const,
    gpus: [{ gfx: "gfx1010" }],
    rocm: [],
    env: { HSA_OVERRIDE_GFX_VERSION: "10.3.0" },
    settings: [
      { file: "~/.profile", line: 1, name: "A", value: "1" },
      { file: "~/.bashrc", line: 2, name: "B", value: "2" },
    ],
  },
  at: { card: 0 },
};

// What a shell puts in braces is none of ours.
const shell = `nano ${"{EDITOR:-vi}"} {} awk '{print "x"}'`;

test.each([
  ["{card.gfx} and {env.HSA_OVERRIDE_GFX_VERSION}", "gfx1010 and 10.3.0"],
  ['{card.name|card.gfx|"the card"}', "gfx1010"],
  ['{card.name|card.chip|"the card"}', "the card"],
  ["{card.name}", "(not known)"],
  ["{rocm}", "none"],
  ["{seen.settings.file}:{seen.settings.line}", "~/.bashrc:2"],
  ['{seen.preloads.library|"a library"}', "a library"],
  [shell, shell],
])("%s", (template, expected) => {
  const because = [{ path: "card.gfx" }, { path: "settings.1", value: view.facts.settings[1] }];
  expect(fill(template, view, because)).toBe(expected);
});
