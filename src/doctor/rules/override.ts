import { all, any, type Condition, fact, look, not, some, variable } from "../condition.ts";
import type { Rule } from "../rule.ts";
import {
  canLaunch,
  isMain,
  isRdna1,
  isRocmTorch,
  isSameGeneration,
  onWindows,
  overrideIsForeign,
  overrideIsIdle,
  overrideName,
  runsAsGfx1010,
  runsAsLegacy,
  runsAsRelative,
  targetOf,
} from "./common.ts";
import { sources } from "./sources.ts";

/*
 * HSA_OVERRIDE_GFX_VERSION, which makes ROCm take a card for another: in force, and in files.
 */

const unset = { does: "take the override out of this shell", commands: [`unset ${overrideName}`] };
const howToFindOut = [`echo "$${overrideName}"`, `grep -rn ${overrideName} ~/.bashrc ~/.profile`];

export const overrideForeign: Rule = {
  id: "override-foreign",
  title: "An override makes the card run another chip's code",
  severity: "blocks",
  about: ["card", "pytorch"],
  when: all(isMain, isRocmTorch, overrideIsForeign, not(runsAsLegacy)),
  why:
    `${overrideName} is {env.${overrideName}}, and {card.name|"the card"} is {card.gfx}: ` +
    "code for another generation runs on it, which ends in segmentation faults, page faults, " +
    "hangs or resets",
  certainty: "reported",
  howToFindOut,
  remedies: [unset],
  sources: [
    sources.overrideCrash,
    sources.wrongOverride,
    sources.hazards,
    sources.overrideForDebugging,
    sources.crossMajor,
  ],
};

export const overrideIdle: Rule = {
  id: "override-idle",
  title: "An override that names what the card is anyway",
  severity: "note",
  about: ["card"],
  when: all(isMain, overrideIsIdle),
  why: `${overrideName} is {env.${overrideName}}, which is {card.gfx} itself: it changes nothing`,
  certainty: "confirmed",
  howToFindOut,
  remedies: [unset],
  sources: [sources.overrideForDebugging],
};

export const overrideSuperset: Rule = {
  id: "override-superset",
  title: "The override lets the card run code for gfx1010",
  severity: "note",
  about: ["card", "pytorch"],
  when: all(isRocmTorch, runsAsGfx1010),
  why:
    `${overrideName} is {env.${overrideName}}, and {card.gfx} has every instruction of ` +
    "gfx1010, for which {pytorch.path} holds code",
  certainty: "confirmed",
  howToFindOut,
  remedies: [],
  sources: [sources.superset],
};

export const overrideRelative: Rule = {
  id: "override-relative",
  title: "The override makes the card run a near relative's code",
  severity: "note",
  about: ["card", "pytorch"],
  when: all(isMain, isRocmTorch, runsAsRelative),
  why:
    `${overrideName} is {env.${overrideName}} on {card.gfx}: users report that it works, AMD ` +
    "does not support it",
  certainty: "reported",
  howToFindOut,
  remedies: [],
  sources: [sources.rdna2Override, sources.overrideForDebugging],
};

export const overrideLegacy: Rule = {
  id: "override-legacy",
  title: "An old PyTorch with the override for RDNA2",
  severity: "slows",
  about: ["card", "pytorch"],
  when: all(isRocmTorch, runsAsLegacy),
  why:
    "PyTorch {pytorch.version} with the override 10.3.0 is the last that users ran on " +
    "{card.gfx}, in 32-bit floats alone; any newer one crashes with it",
  certainty: "reported",
  howToFindOut,
  remedies: [
    {
      does: "keep to 32-bit floats: in Stable Diffusion's programs",
      commands: ["python launch.py --precision full --no-half"],
    },
  ],
  sources: [sources.legacyTorch],
};

/** A file sets an override of another generation, and this shell has not got it. */
const setElsewhere: Condition = (view) => {
  const here = view.facts.env?.[overrideName];
  const gfx = look(view, "card.gfx").value as string | undefined;
  return all(
    variable(overrideName, () => true),
    fact("card.gfx", () => true),
    some("settings", ({ name, value }) => {
      if (name !== overrideName) return false;
      if (gfx === undefined) return "unknown";
      return value !== here && !isSameGeneration(targetOf(value), gfx);
    }),
  )(view);
};

export const overrideInFile: Rule = {
  id: "override-in-file",
  title: "A file sets an override that this shell does not have",
  severity: "slows",
  about: ["card"],
  when: all(isMain, not(onWindows), setElsewhere),
  why:
    `{seen.settings.file|"a file"} sets ${overrideName} to {seen.settings.value} for other ` +
    `shells (here it is {env.${overrideName}|"not set"}): what works here crashes there`,
  certainty: "confirmed",
  howToFindOut: [`grep -n ${overrideName} ~/.bashrc ~/.profile ~/.zshrc /etc/environment`],
  remedies: [
    {
      does: "take the line out of the file",
      commands: [`grep -n ${overrideName} {seen.settings.file}`, "nano {seen.settings.file}"],
    },
  ],
  sources: [sources.overrideCrash],
};

export const overrideOnWindows: Rule = {
  id: "override-on-windows",
  title: "Windows does not read the override",
  severity: "note",
  about: [],
  when: all(
    onWindows,
    variable(overrideName, (value) => value !== undefined),
  ),
  why: `${overrideName} is {env.${overrideName}}, but ROCm reads it on Linux alone`,
  certainty: "confirmed",
  howToFindOut: [`echo %${overrideName}%`],
  remedies: [],
  sources: [sources.overrideWindows],
};

const fineGrain = "HSA_FORCE_FINE_GRAIN_PCIE";

export const fineGrainVariable: Rule = {
  id: "fine-grain-variable",
  title: "Fine-grained memory is not what Conv2d lacks",
  severity: "note",
  about: ["card"],
  when: all(
    isRdna1,
    any(
      variable(fineGrain, (value) => value !== undefined),
      some("settings", (setting) => setting.name === fineGrain),
    ),
  ),
  why:
    `${fineGrain} is set; ROCm's runtime makes fine-grained pools on this card with and ` +
    "without it, and the crash of Conv2d has another cause",
  certainty: "confirmed",
  howToFindOut: [`env | grep ${fineGrain}`, "rocminfo | grep -A2 'Pool '"],
  remedies: [{ does: "take it out", commands: [`unset ${fineGrain}`] }],
  sources: [sources.fineGrain],
};

export const tooMuchDisabled: Rule = {
  id: "miopen-solvers-disabled",
  title: "Variables switch MIOpen's convolutions off",
  severity: "slows",
  about: ["pytorch"],
  when: all(
    isRocmTorch,
    any(
      variable("MIOPEN_DEBUG_CONV_DIRECT", (value) => value === "0"),
      all(
        ...["FFT", "GEMM", "WINOGRAD", "IMPLICIT_GEMM"].map((kind) =>
          variable(`MIOPEN_DEBUG_CONV_${kind}`, (value) => value === "0"),
        ),
      ),
    ),
  ),
  why:
    'MIOPEN_DEBUG_CONV_* leave too little: some shapes end in "No suitable algorithm was ' +
    'found to execute the required convolution"',
  certainty: "reported",
  howToFindOut: ["env | grep MIOPEN_DEBUG_CONV"],
  remedies: [
    {
      does: "take them out",
      commands: [
        "unset MIOPEN_DEBUG_CONV_DIRECT MIOPEN_DEBUG_CONV_FFT MIOPEN_DEBUG_CONV_GEMM " +
          "MIOPEN_DEBUG_CONV_WINOGRAD MIOPEN_DEBUG_CONV_IMPLICIT_GEMM",
      ],
    },
  ],
  sources: [sources.noAlgorithm, sources.miopenSwitches],
};

export const searchEnforced: Rule = {
  id: "miopen-search-enforced",
  title: "MIOpen is told to search at every new shape",
  severity: "slows",
  about: ["card", "pytorch"],
  when: all(
    isMain,
    canLaunch,
    variable("MIOPEN_FIND_ENFORCE", (value) =>
      /^(3|4|SEARCH|SEARCH_DB_UPDATE)$/i.test(value ?? ""),
    ),
  ),
  why:
    "MIOPEN_FIND_ENFORCE is {env.MIOPEN_FIND_ENFORCE}: each new shape starts a search of " +
    "minutes that looks like a hang",
  certainty: "confirmed",
  howToFindOut: ["env | grep MIOPEN_FIND"],
  remedies: [
    {
      does: "let MIOpen take the first that fits",
      commands: ["unset MIOPEN_FIND_ENFORCE", "export MIOPEN_FIND_MODE=FAST"],
    },
  ],
  sources: [sources.miopenSwitches, sources.search],
};
